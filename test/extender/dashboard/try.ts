/** For looking at the dashboard: `node test/extender/dashboard/try.ts [port] [speed] [jobs an hour]`. */
import { fastify } from 'fastify';
import { systemClock } from '../../../extender/adapters/system.ts';
import { registerDashboard } from '../../../extender/dashboard/routes.ts';
import { batchShapes, deployService, startBatch, steady } from '../../../sim/workloads.ts';
import { startStandIn } from './stand-in.ts';

const [port = 8099, speed = 10, jobsPerHour = 200] = process.argv.slice(2).map(Number);
const standIn = await startStandIn({ seed: 1, speed });
const { world } = standIn;
standIn.hopeless.add('shop/whale');
const app = fastify();
await registerDashboard(app, { ...standIn.sources, clock: systemClock, run: String(Date.now()) });
await app.listen({ host: '127.0.0.1', port });
const shapes = batchShapes;
startBatch(world.cluster, world.random.branch('batch'), { shapes, jobsPerHour, profile: steady });
deployService(world.cluster, 'web', {
  replicas: 12,
  cpuMilli: 500,
  memoryMiB: 900,
  namespace: 'default',
});
deployService(world.cluster, 'api', {
  replicas: 5,
  cpuMilli: 1500,
  memoryMiB: 3000,
  namespace: 'default',
});
void world.clock.pace({ speed, signal: new AbortController().signal });
