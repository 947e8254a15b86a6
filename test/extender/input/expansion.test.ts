/** How workloads become the pods that their controllers would make. */
import t from 'tap';
import { errorOf, namesOf, podsOf, template } from './read-text.ts';

t.test('workloads become their pods', async (t) => {
  const workload = (kind: string, spec: string, group = 'apps/v1') =>
    `apiVersion: ${group}\nkind: ${kind}\nmetadata: {name: w, namespace: n}\nspec: {${spec}}\n`;
  const counts: readonly (readonly [string, readonly string[]])[] = [
    [workload('Deployment', template), ['n/w-0']],
    [workload('Deployment', `replicas: 3, ${template}`), ['n/w-0', 'n/w-1', 'n/w-2']],
    [workload('ReplicaSet', `replicas: 0, ${template}`), []],
    [workload('ReplicationController', `replicas: 2, ${template}`, 'v1'), ['n/w-0', 'n/w-1']],
    [workload('StatefulSet', `replicas: 2, ordinals: {start: 5}, ${template}`), ['n/w-5', 'n/w-6']],
    [workload('Job', template, 'batch/v1'), ['n/w-0']],
    [
      workload('Job', `parallelism: 5, completions: 2, ${template}`, 'batch/v1'),
      ['n/w-0', 'n/w-1'],
    ],
    [workload('Job', `parallelism: 2, ${template}`, 'batch/v1'), ['n/w-0', 'n/w-1']],
    [workload('Job', `completions: 9, ${template}`, 'batch/v1'), ['n/w-0']],
    [workload('Job', `suspend: true, ${template}`, 'batch/v1'), []],
    [
      workload(
        'CronJob',
        `schedule: "@daily", jobTemplate: {spec: {parallelism: 2, completions: 4, ${template}}}`,
        'batch/v1',
      ),
      ['n/w-0', 'n/w-1'],
    ],
    [
      workload(
        'CronJob',
        `suspend: true, schedule: "@daily", jobTemplate: {spec: {${template}}}`,
        'batch/v1',
      ),
      [],
    ],
  ];
  for (const [text, names] of counts) {
    t.strictSame(await namesOf(text), names, text);
  }
  const finished = `${workload('Job', template, 'batch/v1')}status: {conditions: [{type: Complete, status: "True"}]}\n`;
  t.strictSame(await namesOf(finished), []);
  const partly = `${workload('Job', `parallelism: 3, completions: 4, ${template}`, 'batch/v1')}status: {succeeded: 2}\n`;
  t.strictSame(await namesOf(partly), ['n/w-0', 'n/w-1']);
});

t.test('expanded pods share the template and carry its labels and owner', async (t) => {
  const [first, second] = await podsOf(
    `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: w}\nspec: {replicas: 2, ${template}}\n`,
  );
  t.equal(first?.spec, second?.spec);
  t.equal(first?.labels, second?.labels);
  t.match(first, { labels: { app: 'x' }, ownerKind: 'ReplicaSet', phase: 'Pending', nodeName: '' });
  const [ofJob] = await podsOf(
    `apiVersion: batch/v1\nkind: Job\nmetadata: {name: w}\nspec: {${template}}\n`,
  );
  t.strictSame(ofJob?.labels, { app: 'x', 'batch.kubernetes.io/job-name': 'w', 'job-name': 'w' });
});

t.test('each pod of a StatefulSet mounts claims of its own', async (t) => {
  const pods = await podsOf(
    `apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec: {replicas: 2, volumeClaimTemplates: [{metadata: {name: data}}], ${template}}\n`,
  );
  t.strictSame(
    pods.map((pod) => pod.spec.volumes),
    ['data-db-0', 'data-db-1'].map((claimName) => [
      { name: 'data', persistentVolumeClaim: { claimName } },
    ]),
  );
});

t.test('pods that are there already are not made again', async (t) => {
  const pod = (name: string, owner: string, more = '') =>
    `---\napiVersion: v1\nkind: Pod\nmetadata: {name: ${name}, labels: {pod-template-hash: h}, ownerReferences: [{apiVersion: v1, kind: ${owner}, controller: true}]${more ? `, ${more}` : ''}}\nspec: {containers: [{name: c}]}\n`;
  const deployment = `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: w}\nspec: {replicas: 3, ${template}}\n`;
  const replicaSet = `---\napiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {name: w-h, ownerReferences: [{kind: Deployment, name: w, controller: true}]}\nspec: {replicas: 3, ${template}}\n`;
  const ofReplicaSet = pod('w-h-x', 'ReplicaSet, name: w-h');
  t.strictSame(await namesOf(deployment + replicaSet), [
    'default/w-0',
    'default/w-1',
    'default/w-2',
  ]);
  t.strictSame(await namesOf(deployment + ofReplicaSet), [
    'default/w-h-x',
    'default/w-0',
    'default/w-1',
  ]);
  t.strictSame(await namesOf(deployment + replicaSet + ofReplicaSet), [
    'default/w-h-x',
    'default/w-0',
    'default/w-1',
  ]);
  t.strictSame(await namesOf(replicaSet + ofReplicaSet), [
    'default/w-h-x',
    'default/w-h-0',
    'default/w-h-1',
  ]);
  t.strictSame(
    await namesOf(`${deployment}${pod('w-h-x', 'ReplicaSet, name: w-h')}status: {phase: Failed}\n`),
    ['default/w-h-x', 'default/w-0', 'default/w-1', 'default/w-2'],
    'a failed pod is replaced',
  );
  const set = `apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: w}\nspec: {replicas: 3, ${template}}\n`;
  t.strictSame(await namesOf(set + pod('w-1', 'StatefulSet, name: w')), [
    'default/w-1',
    'default/w-0',
    'default/w-2',
  ]);
  const job = `apiVersion: batch/v1\nkind: Job\nmetadata: {name: w}\nspec: {parallelism: 3, completions: 3, ${template}}\n`;
  t.strictSame(
    await namesOf(
      `${job}${pod('w-a', 'Job, name: w')}status: {phase: Succeeded}\n${pod('w-b', 'Job, name: w')}`,
    ),
    ['default/w-a', 'default/w-b', 'default/w-0'],
    'one has succeeded, one runs, one is left',
  );
  const cronJob = `---\napiVersion: batch/v1\nkind: CronJob\nmetadata: {name: c}\nspec: {schedule: "@daily", jobTemplate: {spec: {${template}}}}\n`;
  const run = job.replace(
    'name: w',
    'name: w, ownerReferences: [{kind: CronJob, name: c, controller: true}]',
  );
  t.strictSame(await namesOf(run + cronJob), ['default/w-0', 'default/w-1', 'default/w-2']);
});

t.test('a name that a pod has is not given to another', async (t) => {
  const pod =
    'apiVersion: v1\nkind: Pod\nmetadata: {name: w-0}\nspec: {containers: [{name: c}]}\n---\n';
  const deployment = `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: w}\nspec: {replicas: 2, ${template}}\n`;
  t.strictSame(await namesOf(pod + deployment), ['default/w-0', 'default/w-1', 'default/w-2']);
  t.strictSame(
    await namesOf(`${deployment}---\n${deployment.replace('Deployment', 'StatefulSet')}`),
    ['default/w-0', 'default/w-1', 'default/w-2', 'default/w-3'],
  );
});

t.test('more pods than a plan may speak of are refused, not made', async (t) => {
  const text = `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: w}\nspec: {replicas: 2000000000, ${template}}\n`;
  t.match(
    (await errorOf(text)).message,
    /Deployment default\/w: expected at most 1000000 pods in all/,
  );
});

t.test('generated names are filled in', async (t) => {
  const pod =
    'apiVersion: v1\nkind: Pod\nmetadata: {generateName: run-}\nspec: {containers: [{name: c}]}\n';
  t.strictSame(await namesOf(`${pod}---\n${pod}`), ['default/run-00001', 'default/run-00002']);
});
