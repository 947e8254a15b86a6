// Command karpenter-peer asks Karpenter's own provisioning scheduler for a plan.
//
// In, as JSON on standard input: instance types with exact allocatable and prices, NodePools, the
// pending pods and, if any, the DaemonSets' pods. Out, as JSON on standard output: the nodes that
// Karpenter would claim, each charged its cheapest offering, what it left over, and how long its
// Solve took. There is no cluster and no cloud: a fake client answers the scheduler's look-ups.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"
)

// maxInputBytes bounds what is read: 100,000 pods of 1 KiB each are a tenth of it.
const maxInputBytes = 1 << 30

func main() {
	concurrency := flag.Int("concurrency", runtime.NumCPU(),
		"scheduler workers; Karpenter's own default is one per core of its CPU request")
	timeout := flag.Duration("timeout", 30*time.Minute,
		"most time for Solve; Karpenter's provisioner stops at one minute and keeps what it has")
	flag.Parse()
	if err := run(os.Stdin, os.Stdout, *concurrency, *timeout); err != nil {
		fmt.Fprintf(os.Stderr, "karpenter-peer: %v\n", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer, concurrency int, timeout time.Duration) error {
	question := Question{}
	decoder := json.NewDecoder(io.LimitReader(in, maxInputBytes))
	if err := decoder.Decode(&question); err != nil {
		return fmt.Errorf("reading standard input: %w", err)
	}
	answer, err := schedule(&question, concurrency, timeout)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(answer)
}
