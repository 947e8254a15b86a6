package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sort"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/log"
	karpenterv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	"sigs.k8s.io/karpenter/pkg/cloudprovider"
	"sigs.k8s.io/karpenter/pkg/controllers/provisioning/scheduling"
	"sigs.k8s.io/karpenter/pkg/controllers/state"
	"sigs.k8s.io/karpenter/pkg/events"
	"sigs.k8s.io/karpenter/pkg/operator/injection"
	"sigs.k8s.io/karpenter/pkg/operator/options"
	requirements "sigs.k8s.io/karpenter/pkg/scheduling"
	"sigs.k8s.io/karpenter/pkg/utils/nodepool"
)

const karpenterModule = "sigs.k8s.io/karpenter"

// Answer is what is printed.
type Answer struct {
	Karpenter     string        `json:"karpenter"`
	Concurrency   int           `json:"concurrency"`
	Nodes         []Node        `json:"nodes"`
	Unschedulable []PodWithText `json:"unschedulable"`
	// Cost is USD an hour of all nodes.
	Cost float64 `json:"cost"`
	// BuildMs is the time for NewTopology and NewScheduler, SolveMs for Solve alone.
	BuildMs  float64 `json:"buildMs"`
	SolveMs  float64 `json:"solveMs"`
	TimedOut bool    `json:"timedOut"`
}

// Node is a NodeClaim, launched as its cheapest offering.
type Node struct {
	NodePool     string   `json:"nodePool"`
	InstanceType string   `json:"instanceType"`
	Zone         string   `json:"zone"`
	CapacityType string   `json:"capacityType"`
	PricePerHour float64  `json:"pricePerHour"`
	Pods         []string `json:"pods"`
}

// PodWithText is a pod and why it was left over.
type PodWithText struct {
	Pod    string `json:"pod"`
	Reason string `json:"reason"`
}

// unusedCloud stands where cluster state wants a cloud. Nothing asks it: there are no nodes.
type unusedCloud struct{ cloudprovider.CloudProvider }

func schedule(question *Question, concurrency int, timeout time.Duration) (*Answer, error) {
	if err := question.admit(); err != nil {
		return nil, err
	}
	types, err := catalogue(question.InstanceTypes)
	if err != nil {
		return nil, err
	}
	log.SetLogger(logr.Discard())
	ctx := injection.WithControllerName(context.Background(), "provisioner")
	ctx = options.ToContext(ctx, &options.Options{
		CPURequests:       int64(concurrency) * 1000,
		PreferencePolicy:  options.PreferencePolicyRespect,
		MinValuesPolicy:   options.MinValuesPolicyStrict,
		IgnoreDRARequests: true,
		FeatureGates:      options.DefaultFeatureGates(),
	})
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	buildStarted := time.Now()
	scheduler, err := newScheduler(ctx, question, types, concurrency)
	if err != nil {
		return nil, err
	}
	solveStarted := time.Now()
	results, err := scheduler.Solve(ctx, question.Pods)
	solved := time.Now()
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, fmt.Errorf("Solve: %w", err)
	}
	answer := &Answer{
		Karpenter:     karpenterVersion(),
		Concurrency:   concurrency,
		Nodes:         []Node{},
		Unschedulable: []PodWithText{},
		BuildMs:       milliseconds(solveStarted.Sub(buildStarted)),
		SolveMs:       milliseconds(solved.Sub(solveStarted)),
		TimedOut:      err != nil,
	}
	results = results.TruncateInstanceTypes(ctx, scheduling.MaxInstanceTypes)
	return answer, answer.fill(question, results)
}

func newScheduler(
	ctx context.Context, question *Question, types []*cloudprovider.InstanceType, concurrency int,
) (*scheduling.Scheduler, error) {
	nodepool.OrderByWeight(question.NodePools)
	typesOfPool := make(map[string][]*cloudprovider.InstanceType, len(question.NodePools))
	for _, pool := range question.NodePools {
		typesOfPool[pool.Name] = types
	}
	schedulerOptions := []scheduling.Options{
		scheduling.DisableReservedCapacityFallback,
		scheduling.NumConcurrentReconciles(concurrency),
		scheduling.MinValuesPolicy(options.FromContext(ctx).MinValuesPolicy),
	}
	client := fake.NewClientBuilder().Build()
	cluster := state.NewCluster(clock.RealClock{}, client, unusedCloud{})
	topology, err := scheduling.NewTopology(
		ctx, client, cluster, nil, question.NodePools, typesOfPool, question.Pods, schedulerOptions...)
	if err != nil {
		return nil, fmt.Errorf("NewTopology: %w", err)
	}
	return scheduling.NewScheduler(
		ctx, client, question.NodePools, cluster, nil, topology, typesOfPool, question.DaemonSetPods,
		events.NewRecorder(&record.FakeRecorder{}), clock.RealClock{}, nil, nil, schedulerOptions...,
	), nil
}

// fill prices the claims and checks that every pod is accounted for exactly once.
func (a *Answer) fill(question *Question, results scheduling.Results) error {
	seen := make(map[string]bool, len(question.Pods))
	for _, claim := range results.NewNodeClaims {
		node, err := cheapestNode(claim)
		if err != nil {
			return err
		}
		for _, pod := range claim.Pods {
			key := podKey(pod)
			if seen[key] {
				return fmt.Errorf("Karpenter placed %s twice", key)
			}
			seen[key] = true
			node.Pods = append(node.Pods, key)
		}
		a.Cost += node.PricePerHour
		a.Nodes = append(a.Nodes, *node)
	}
	reasons := make(map[string]string, len(results.PodErrors))
	for pod, err := range results.PodErrors {
		reasons[podKey(pod)] = err.Error()
	}
	for _, pod := range question.Pods {
		key := podKey(pod)
		if seen[key] {
			continue
		}
		reason, ok := reasons[key]
		if !ok {
			reason = "not tried before the time was up"
		}
		a.Unschedulable = append(a.Unschedulable, PodWithText{Pod: key, Reason: reason})
	}
	sort.Slice(a.Unschedulable, func(i, j int) bool {
		return a.Unschedulable[i].Pod < a.Unschedulable[j].Pod
	})
	return nil
}

// cheapestNode charges a claim the cheapest available offering of the instance types left to it
// that its final requirements allow: what a launch at the lowest price would pay.
func cheapestNode(claim *scheduling.NodeClaim) (*Node, error) {
	var best *Node
	for _, it := range claim.InstanceTypeOptions {
		for _, o := range it.Offerings {
			if !o.Available || (best != nil && o.Price >= best.PricePerHour) {
				continue
			}
			if !claim.Requirements.IsCompatible(
				o.Requirements, requirements.AllowUndefinedWellKnownLabels) {
				continue
			}
			best = &Node{
				NodePool:     claim.Labels[karpenterv1.NodePoolLabelKey],
				InstanceType: it.Name,
				Zone:         o.Zone(),
				CapacityType: o.CapacityType(),
				PricePerHour: o.Price,
			}
		}
	}
	if best == nil {
		return nil, fmt.Errorf("a claim of %d pods has no compatible offering", len(claim.Pods))
	}
	return best, nil
}

func podKey(pod *corev1.Pod) string { return pod.Namespace + "/" + pod.Name }

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// karpenterVersion is read from the binary itself, so that a result cannot name another version.
func karpenterVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, dependency := range info.Deps {
		if dependency.Path == karpenterModule {
			return dependency.Version
		}
	}
	return "unknown"
}
