/* IMPORTANT
 * This snapshot file is auto-generated, but designed for humans.
 * It should be checked into source control and tracked carefully.
 * Re-generate by setting TAP_SNAPSHOT=1 and running tests.
 * Make sure to inspect the output below.  Do not ignore changes!
 */
'use strict'
exports[`test/extender/output/plan-table.test.ts > TAP > the table as people read it > must match snapshot 1`] = `
Plan  6 pods on 4 new nodes, 1 pod on 1 existing node, 3 pods without a place

NODES  TYPE             POOL     ZONES         $/H EACH     $/H  PODS   CPU  MEMORY    GPU
    3  c6i.xlarge       default  us-east-1a/b    0.1700  0.5100     5  33 %    33 %
    1  g5.2xlarge spot  gpu      us-east-1b      0.4900  0.4900     1  38 %    25 %  100 %
    4  in all                                            1.0000     6  35 %    29 %  100 %

EXISTING NODE             TYPE       ZONE        PODS  PLACED NOW   CPU  MEMORY
ip-10-0-0-1.ec2.internal  m5.xlarge  us-east-1a     2           1  38 %    38 %

Cost per hour  $1.0000  $730.00 per month of 730 hours
Lower bound    $0.9950  proven: no plan for these pods under these rules costs less
Gap            0.50 %   at most, certified
First-fit      $1.2500  25 % more than this plan
Solved in      0.12 s   2 kinds of pods, 40 offerings; stopped at the wanted gap

3 pods without a place
      2  no <admitted> type has nvidia.com/gpu 16
         ml/train-1, ml/train-2
      1  NodePool default is at its limit of nodes
         shop/other

- No EC2NodeClass was given; AL2023 defaults were assumed.

`
