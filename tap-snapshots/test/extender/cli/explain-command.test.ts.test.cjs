/* IMPORTANT
 * This snapshot file is auto-generated, but designed for humans.
 * It should be checked into source control and tracked carefully.
 * Re-generate by setting TAP_SNAPSHOT=1 and running tests.
 * Make sure to inspect the output below.  Do not ignore changes!
 */
'use strict'
exports[`test/extender/cli/explain-command.test.ts > TAP > a node is explained by the name of its claim; a follower says who knows more > must match snapshot 1`] = `
Node general-x7k2p
  m7i.large of NodePool general for 0.0410 USD per hour: launched 26 s ago, not yet registered; held for 1 pod
  until 2026-01-01T00:02:00.000Z.

Pods (1): shop/web-0

NodeClaim general-x7k2p of NodePool general
  m7i.large, us-east-1a, spot, 0.0410 USD per hour
  STEP         STATUS  SINCE                 WHY
  Created      done    2026-01-01T00:00:00Z
  Launched     done    2026-01-01T00:00:34Z
  Registered   open
  Initialized  open
  Next best: c7i.xlarge/us-east-1a/spot

Plan of 2026-01-01T00:00:30.000Z: 0.5000 USD per hour for all its nodes; no plan costs less than 0.4950, so at most 1.00 % could be saved.

Note: a does not lead; b leads and knows more about reasons.

`

exports[`test/extender/cli/explain-command.test.ts > TAP > a pod is explained in sentences first > must match snapshot 1`] = `
Pod shop/web-0: planned
  It waits for NodeClaim general-x7k2p (m7i.large, us-east-1a, spot): launched 26 s ago, not yet registered.

NodeClaim general-x7k2p of NodePool general
  m7i.large, us-east-1a, spot, 0.0410 USD per hour
  STEP         STATUS  SINCE                 WHY
  Created      done    2026-01-01T00:00:00Z
  Launched     done    2026-01-01T00:00:34Z
  Registered   open
  Initialized  open
  Next best: c7i.xlarge/us-east-1a/spot

Plan of 2026-01-01T00:00:30.000Z: 0.5000 USD per hour for all its nodes; no plan costs less than 0.4950, so at most 1.00 % could be saved.

TIME                      BY           DECISION  TIMES  REASON
2026-01-01T00:00:30.000Z  provisioner  planned       1  Pod should schedule on: nodeclaim/general-x7k2p

`
