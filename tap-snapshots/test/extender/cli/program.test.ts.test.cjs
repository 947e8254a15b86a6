/* IMPORTANT
 * This snapshot file is auto-generated, but designed for humans.
 * It should be checked into source control and tracked carefully.
 * Re-generate by setting TAP_SNAPSHOT=1 and running tests.
 * Make sure to inspect the output below.  Do not ignore changes!
 */
'use strict'
exports[`test/extender/cli/program.test.ts > TAP > help and version go to standard output with exit code 0 > stowage --help 1`] = `
Usage: stowage [options] [command]

The cheapest EC2 nodes that provably fit under the pods, and those pods on them.

Options:
  --version                        print the version
  -h, --help                       display help for command

Commands:
  plan [options]                   find the cheapest nodes that hold the pods of
                                   the manifests, with a proof
  instance-types [options]         list instance types with what they offer to
                                   pods and what they cost
  verify [options] <plan>          re-check the feasibility, cost and
                                   certificate of a plan without the solver
  serve [options]                  run the provisioner: on a cluster, or on a
                                   simulated one to look at (the default)
  explain [options] <kind> <name>  ask a running service why a pod waits, or why
                                   a node is there
  fake-ec2 [options]               serve a simulated EC2 (with IAM, STS, SQS,
                                   SSM, EKS, Pricing) to any AWS SDK
  doctor [options]                 check what the service needs of the cluster
                                   and of AWS, and say what to fix

Exit codes: 0 every pod has a place, 2 some pods have none, 1 an error.

`

exports[`test/extender/cli/program.test.ts > TAP > help and version go to standard output with exit code 0 > stowage plan --help 1`] = `
Usage: stowage plan [options]

find the cheapest nodes that hold the pods of the manifests, with a proof

Options:
  -f, --filename <path>               manifests: a YAML or JSON file, a
                                      directory, or - for standard input;
                                      repeatable
  -o, --output <format>               how the plan is written (choices: "table",
                                      "json", "html", default: "table")
  --out <file>                        write the plan to a file instead of
                                      standard output
  --gap <ratio>                       stop when the plan is proven this close to
                                      the optimum (default: 0.001)
  --time-limit <duration>             stop then, with the best plan and the best
                                      bound (default: 5s)
  --seed <number>                     same input, options and seed: same search
                                      (default: 1)
  --threads <1|2>                     2: one raises the bound while the other
                                      lowers the cost (default: 2)
  --max-nodes <count>                 most new nodes in all
  --node-cost <usd>                   cost per node and hour that steers the
                                      search, not billed (default: 0)
  --spot-premium <ratio>              share of its price that steers the search
                                      off spot (default: 0)
  --memory-overhead <measured|ratio>  memory that the machine keeps: what was
                                      measured on each type, or a share of the
                                      nominal size (default: "measured")
  --master <backend>                  linear programming backend (choices:
                                      "glpk", "highs", default: "glpk")
  -h, --help                          display help for command

`

exports[`test/extender/cli/program.test.ts > TAP > help and version go to standard output with exit code 0 > stowage verify --help 1`] = `
Usage: stowage verify [options] <plan>

re-check the feasibility, cost and certificate of a plan without the solver

Arguments:
  plan                                the plan as written by plan -o json; - for
                                      standard input

Options:
  -f, --filename <path>               manifests: a YAML or JSON file, a
                                      directory, or - for standard input;
                                      repeatable
  --memory-overhead <measured|ratio>  memory that the machine keeps: what was
                                      measured on each type, or a share of the
                                      nominal size (default: "measured")
  --max-nodes <count>                 most new nodes in all
  -h, --help                          display help for command

`
