package main

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/types"
	karpenterv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
)

// Question is what arrives on standard input.
type Question struct {
	InstanceTypes []InstanceType          `json:"instanceTypes"`
	NodePools     []*karpenterv1.NodePool `json:"nodePools"`
	Pods          []*corev1.Pod           `json:"pods"`
	// DaemonSetPods holds one pod for each DaemonSet.
	DaemonSetPods []*corev1.Pod `json:"daemonSetPods,omitempty"`
}

// InstanceType has the shape that `stowage instance-types -o json` prints.
type InstanceType struct {
	Name        string              `json:"name"`
	Labels      map[string]string   `json:"labels"`
	Capacity    corev1.ResourceList `json:"capacity"`
	Allocatable corev1.ResourceList `json:"allocatable"`
	Offerings   []Offering          `json:"offerings"`
}

// Offering is one price: USD an hour in a zone under a capacity type.
type Offering struct {
	Zone         string  `json:"zone"`
	CapacityType string  `json:"capacityType"`
	Price        float64 `json:"pricePerHour"`
	Available    bool    `json:"available"`
}

// Names of the node class that a NodePool without one is given; no node class is ever looked up.
const (
	nodeClassGroup = "karpenter.k8s.aws"
	nodeClassKind  = "EC2NodeClass"
	nodeClassName  = "default"
)

// admit does to NodePools and pods what the API server and the controllers before the scheduler
// would have done: unique UIDs, the Pending phase, a node class reference, limits.
func (q *Question) admit() error {
	if len(q.InstanceTypes) == 0 || len(q.NodePools) == 0 {
		return fmt.Errorf("expected at least one instance type and one NodePool, got %d and %d",
			len(q.InstanceTypes), len(q.NodePools))
	}
	for i, pool := range q.NodePools {
		if pool == nil || pool.Name == "" {
			return fmt.Errorf("nodePools[%d]: expected an object with metadata.name", i)
		}
		pool.UID = types.UID(pool.Name)
		if pool.Spec.Template.Spec.NodeClassRef == nil {
			pool.Spec.Template.Spec.NodeClassRef = &karpenterv1.NodeClassReference{
				Group: nodeClassGroup, Kind: nodeClassKind, Name: nodeClassName,
			}
		}
		if len(pool.Spec.Limits) == 0 {
			pool.Spec.Limits = karpenterv1.Limits{
				corev1.ResourceCPU:    resource.MustParse("100M"),
				corev1.ResourceMemory: resource.MustParse("1Ei"),
			}
		}
	}
	if err := admitPods("pods", q.Pods); err != nil {
		return err
	}
	return admitPods("daemonSetPods", q.DaemonSetPods)
}

func admitPods(field string, pods []*corev1.Pod) error {
	seen := make(map[types.UID]bool, len(pods))
	for i, pod := range pods {
		if pod == nil || pod.Name == "" {
			return fmt.Errorf("%s[%d]: expected an object with metadata.name", field, i)
		}
		if pod.Namespace == "" {
			pod.Namespace = corev1.NamespaceDefault
		}
		pod.UID = types.UID(pod.Namespace + "/" + pod.Name)
		if seen[pod.UID] {
			return fmt.Errorf("%s[%d]: second pod named %s", field, i, pod.UID)
		}
		seen[pod.UID] = true
		pod.Status.Phase = corev1.PodPending
	}
	return nil
}
