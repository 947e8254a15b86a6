/** The review of a written plan: a true one passes, each kind of false one is named. */
import t from 'tap';
import type { PackingModel } from '../../../core/packing/packing-model.ts';
import type { Plan } from '../../../core/packing/plan.ts';
import { makePlan } from '../../../core/packing/plan-nodes.ts';
import { reviewPlan } from '../../../core/packing/plan-review.ts';
import type { Certificate } from '../../../core/packing/solution.ts';
import { bin, sampleModel, sampleSnapshot, solutionOf } from '../../support/sample-model.ts';

/** One dual for pods of the second family, paid for by cpu: a small bound, but a true one. */
const certificate: Certificate = {
  demand: [6, 4],
  fractionBits: 0,
  classDual: [0, 0, 40_000_000],
  domainDual: [],
  limitDual: [],
  multipliers: [[20_000, 0, 0, 0]],
  multiplierOf: [0, 0, 0, 0, 0, 0, 0],
  tables: [],
};
const lowerBoundNano = 144_500_000;

const bins = [
  bin(4, [
    [0, 2],
    [2, 3],
  ]),
  bin(3, [
    [1, 2],
    [2, 1],
  ]),
  bin(6, [[0, 2]]),
];

function validPlan(model: PackingModel): Plan {
  const solution = { ...solutionOf(model, bins), certificate, lowerBoundNano };
  return makePlan(sampleSnapshot, model, solution, { firstFitNano: null, notes: [] });
}

t.test('a true plan is accepted, also after it went through JSON', (t) => {
  const model = sampleModel();
  const review = reviewPlan(sampleSnapshot, model, JSON.parse(JSON.stringify(validPlan(model))));
  t.strictSame(review.violations, []);
  t.equal(review.perHour, 0.527);
  t.equal(review.provenBound, 0.1445);
  t.end();
});

/** Every step that turns the true plan into a wrong one, and the code that it is found under. */
const corruptions: { name: string; code: string; change: (plan: Draft) => void }[] = [
  { name: 'a pod left out', code: 'pod-missing', change: (p) => p.nodes[0]!.pods.pop() },
  {
    name: 'a pod twice',
    code: 'pod-repeated',
    change: (p) => p.nodes[0]!.pods.push('default/job-3'),
  },
  {
    name: 'a pod that is not there',
    code: 'unknown-pod',
    change: (p) => p.nodes[0]!.pods.push('default/ghost'),
  },
  {
    name: 'a pod that stands elsewhere',
    code: 'incompatible-pod',
    change: (p) => move(p.existing[0]!.pods, p.nodes[0]!.pods, 'default/web-6'),
  },
  {
    name: 'an unschedulable pod on a node',
    code: 'incompatible-pod',
    change: (p) => {
      p.nodes[0]!.pods.push('default/huge-0');
      p.unschedulable = [];
    },
  },
  {
    name: 'a placed pod as unschedulable',
    code: 'requests-mismatch',
    change: (p) => {
      p.nodes[0]!.pods.shift();
      p.unschedulable.push({ pod: 'default/web-2', reason: '' });
    },
  },
  {
    name: 'a standing pod as unschedulable',
    code: 'not-rejected',
    change: (p) => {
      p.existing[0]!.pods.shift();
      p.unschedulable.push({ pod: 'default/web-6', reason: '' });
    },
  },
  {
    name: 'another zone',
    code: 'price-mismatch',
    change: (p) => {
      p.nodes[0]!.zone = 'zone-b';
    },
  },
  {
    name: 'a type that is not offered',
    code: 'unknown-offering',
    change: (p) => {
      p.nodes[0]!.instanceType = 'c6i.metal';
    },
  },
  {
    name: 'another pool',
    code: 'unknown-offering',
    change: (p) => {
      p.nodes[0]!.nodePool = 'x';
    },
  },
  {
    name: 'a lower price',
    code: 'price-mismatch',
    change: (p) => {
      p.nodes[0]!.pricePerHour = 0.1;
    },
  },
  {
    name: 'two nodes of one name',
    code: 'name-repeated',
    change: (p) => {
      p.nodes[1]!.name = p.nodes[0]!.name;
    },
  },
  {
    name: 'the name of an existing node',
    code: 'name-repeated',
    change: (p) => {
      p.nodes[1]!.name = 'old';
    },
  },
  {
    name: 'smaller requests',
    code: 'requests-mismatch',
    change: (p) => {
      p.nodes[0]!.requests['cpu'] = '1';
    },
  },
  {
    name: 'requests of nothing',
    code: 'requests-mismatch',
    change: (p) => {
      p.nodes[0]!.requests = {};
    },
  },
  {
    name: 'more allocatable',
    code: 'allocatable-mismatch',
    change: (p) => {
      p.nodes[0]!.allocatable['cpu'] = '8';
    },
  },
  {
    name: 'a substitute that is too small',
    code: 'bad-substitute',
    change: (p) => {
      p.nodes[0]!.substitutes.push({
        instanceType: 'c6i.large',
        zone: 'zone-a',
        capacityType: 'on-demand',
        pricePerHour: 0.085,
      });
    },
  },
  {
    name: 'a substitute in a forbidden zone',
    code: 'bad-substitute',
    change: (p) => {
      p.nodes[1]!.substitutes.push({
        instanceType: 'c6i.2xlarge',
        zone: 'zone-a',
        capacityType: 'on-demand',
        pricePerHour: 0.34,
      });
    },
  },
  {
    name: 'a substitute at a wrong price',
    code: 'price-mismatch',
    change: (p) => {
      p.nodes[1]!.substitutes[0]!.pricePerHour = 0.2;
    },
  },
  {
    name: 'more than a node holds',
    code: 'over-capacity',
    change: (p) => {
      move(p.nodes[0]!.pods, p.nodes[1]!.pods, 'default/job-0');
      restate(p);
    },
  },
  {
    name: 'more than an existing node holds',
    code: 'over-capacity',
    change: (p) => {
      move(p.nodes[0]!.pods, p.existing[0]!.pods, 'default/web-2');
      p.existing[0]!.placed.push('default/web-2');
      restate(p);
    },
  },
  {
    name: 'a pod placed on a node but not listed there',
    code: 'placed-mismatch',
    change: (p) => p.existing[0]!.placed.push('default/web-5'),
  },
  {
    name: 'a pod listed on a node but not placed',
    code: 'placed-mismatch',
    change: (p) => p.existing[0]!.placed.pop(),
  },
  {
    name: 'pods on a node that there is not',
    code: 'placed-mismatch',
    change: (p) => {
      p.existing[0]!.node = 'new';
    },
  },
  {
    name: 'a lower cost',
    code: 'cost-mismatch',
    change: (p) => {
      p.cost.perHour = 0.5;
    },
  },
  {
    name: 'a smaller gap',
    code: 'gap-mismatch',
    change: (p) => {
      p.cost.gap = 0.01;
    },
  },
  {
    name: 'no gap',
    code: 'gap-mismatch',
    change: (p) => {
      p.cost.gap = null;
    },
  },
  {
    name: 'a higher bound',
    code: 'bound-unproven',
    change: (p) => {
      p.cost.lowerBound = 0.2;
      p.cost.gap = (0.527 - 0.2) / 0.527;
    },
  },
  {
    name: 'no certificate',
    code: 'certificate-missing',
    change: (p) => {
      p.certificate = null;
    },
  },
  {
    name: 'a dual that no offering pays for',
    code: 'dual-infeasible',
    change: (p) => {
      p.certificate!.classDual[2] = 200_000_000;
    },
  },
  {
    name: 'the demand of other pods',
    code: 'certificate-demand-mismatch',
    change: (p) => {
      p.certificate!.demand[1] = 3;
    },
  },
];

for (const { name, code, change } of corruptions) {
  t.test(`${name} is found`, (t) => {
    const model = sampleModel();
    const plan = JSON.parse(JSON.stringify(validPlan(model))) as Draft;
    change(plan);
    const { violations } = reviewPlan(sampleSnapshot, model, plan as unknown as Plan);
    const codes = violations.map((violation) => violation.code);
    t.ok(codes.includes(code), `${code} is among ${codes.join(', ')}`);
    t.end();
  });
}

/** A plan that may be written to. */
interface Draft {
  nodes: {
    name: string;
    nodePool: string;
    instanceType: string;
    zone: string;
    pricePerHour: number;
    pods: string[];
    requests: Record<string, string>;
    allocatable: Record<string, string>;
    substitutes: {
      instanceType: string;
      zone: string;
      capacityType: string;
      pricePerHour: number;
    }[];
  }[];
  existing: { node: string; pods: string[]; placed: string[] }[];
  unschedulable: { pod: string; reason: string }[];
  cost: { perHour: number; lowerBound: number; gap: number | null };
  certificate: { demand: number[]; classDual: number[] } | null;
}

function move(from: string[], to: string[], pod: string): void {
  from.splice(from.indexOf(pod), 1);
  to.push(pod);
}

/** Requests as the pods of each node make them, so that nothing but the capacity is wrong. */
function restate(plan: Draft): void {
  for (const node of plan.nodes) {
    const jobs = node.pods.filter((pod) => pod.includes('job')).length;
    const webs = node.pods.length - jobs;
    node.requests = {
      cpu: `${jobs * 2000 + webs * 500}m`,
      memory: `${jobs * 3 + webs}Gi`,
      pods: String(node.pods.length),
    };
  }
}
