package main

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	karpenterv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	"sigs.k8s.io/karpenter/pkg/cloudprovider"
	"sigs.k8s.io/karpenter/pkg/scheduling"
)

// catalogue turns instance types into Karpenter's own form.
//
// Every label key that any type carries becomes a well-known label, as a cloud provider registers
// its own at start-up, and types without that key say so. A type without an available offering is
// kept: the scheduler decides.
func catalogue(given []InstanceType) ([]*cloudprovider.InstanceType, error) {
	keys := sets.New[string]()
	for _, it := range given {
		for key := range it.Labels {
			keys.Insert(key)
		}
	}
	karpenterv1.WellKnownLabels.Insert(keys.UnsortedList()...)
	result := make([]*cloudprovider.InstanceType, 0, len(given))
	for _, it := range given {
		overhead, err := overheadOf(it)
		if err != nil {
			return nil, err
		}
		offerings := offeringsOf(it)
		result = append(result, &cloudprovider.InstanceType{
			Name:         it.Name,
			Requirements: requirementsOf(it, offerings, keys),
			Offerings:    offerings,
			Capacity:     it.Capacity,
			Overhead:     &cloudprovider.InstanceTypeOverhead{KubeReserved: overhead},
		})
	}
	return result, nil
}

// overheadOf is capacity minus allocatable, so that Karpenter arrives at exactly the allocatable.
func overheadOf(it InstanceType) (corev1.ResourceList, error) {
	overhead := corev1.ResourceList{}
	for name, allocatable := range it.Allocatable {
		capacity, ok := it.Capacity[name]
		if !ok || capacity.Cmp(allocatable) < 0 {
			return nil, fmt.Errorf("%s: allocatable %s is above capacity", it.Name, name)
		}
		difference := capacity.DeepCopy()
		difference.Sub(allocatable)
		if !difference.IsZero() {
			overhead[name] = difference
		}
	}
	for name, capacity := range it.Capacity {
		if _, ok := it.Allocatable[name]; !ok && !capacity.IsZero() {
			overhead[name] = capacity.DeepCopy()
		}
	}
	return overhead, nil
}

func offeringsOf(it InstanceType) cloudprovider.Offerings {
	offerings := make(cloudprovider.Offerings, 0, len(it.Offerings))
	for _, o := range it.Offerings {
		offerings = append(offerings, &cloudprovider.Offering{
			Requirements: scheduling.NewLabelRequirements(map[string]string{
				karpenterv1.CapacityTypeLabelKey: o.CapacityType,
				corev1.LabelTopologyZone:         o.Zone,
			}),
			Price:     o.Price,
			Available: o.Available,
		})
	}
	return offerings
}

func requirementsOf(
	it InstanceType, offerings cloudprovider.Offerings, keys sets.Set[string],
) scheduling.Requirements {
	zones, capacityTypes := sets.New[string](), sets.New[string]()
	for _, o := range offerings.Available() {
		zones.Insert(o.Zone())
		capacityTypes.Insert(o.CapacityType())
	}
	requirements := scheduling.NewRequirements()
	for key := range keys {
		if value, ok := it.Labels[key]; ok {
			requirements.Add(scheduling.NewRequirement(key, corev1.NodeSelectorOpIn, value))
		} else {
			requirements.Add(scheduling.NewRequirement(key, corev1.NodeSelectorOpDoesNotExist))
		}
	}
	if _, ok := it.Labels[corev1.LabelOSStable]; !ok {
		requirements.Add(scheduling.NewRequirement(
			corev1.LabelOSStable, corev1.NodeSelectorOpIn, string(corev1.Linux)))
	}
	requirements.Add(
		scheduling.NewRequirement(corev1.LabelInstanceTypeStable, corev1.NodeSelectorOpIn, it.Name),
		scheduling.NewRequirement(
			corev1.LabelTopologyZone, corev1.NodeSelectorOpIn, sets.List(zones)...),
		scheduling.NewRequirement(
			karpenterv1.CapacityTypeLabelKey, corev1.NodeSelectorOpIn, sets.List(capacityTypes)...),
	)
	return requirements
}
