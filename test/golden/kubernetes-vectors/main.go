// Vectors made by Kubernetes' own code, which our quantities and effective requests must reproduce.
//
// In: nothing (a fixed seed). Out, on standard output: JSON with what apimachinery makes of texts as
// quantities, and what kube-scheduler counts for pods after the API server's defaulting. Run it in
// the module that pins Kubernetes:
//
//	cd test/control-plane && go run ../golden/kubernetes-vectors/main.go > ../golden/kubernetes-vectors.json
package main

import (
	"encoding/json"
	"fmt"
	"math/rand"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	helpers "k8s.io/component-helpers/resource"
	defaults "k8s.io/kubernetes/pkg/apis/core/v1"
)

type quantityVector struct {
	Text    string `json:"text"`
	Valid   bool   `json:"valid"`
	Milli   int64  `json:"milli,omitempty"`
	Value   int64  `json:"value,omitempty"`
	Decimal string `json:"decimal,omitempty"`
	Binary  string `json:"binary,omitempty"`
}

type podVector struct {
	Spec     json.RawMessage  `json:"spec"`
	Status   json.RawMessage  `json:"status,omitempty"`
	Requests map[string]int64 `json:"requests"`
}

var random = rand.New(rand.NewSource(20260801))

func pick[T any](choices ...T) T { return choices[random.Intn(len(choices))] }

func quantityTexts() []string {
	texts := []string{
		"0", "1", "2", "100m", "0.1", "1.5", "1.5Gi", "0.5Mi", "5.5k", "1e3", "1E3", "12E", "12e0", "12E0", "1Ei", "7.9Ei",
		"1e-3", "1E-3", "1e+2", "250u", "3n", "999n", "1000000001n", "0.0000000001", "0.0001", "1.0000000001",
		"-1", "-100m", "+5", "+1.5Gi", "-0.5", "-1n", "1Ki", "1023", "1024", "1025", "1.5Ki", "0.1Ki", "0.3Mi", "1.7Ti", "3Pi",
		"1k", "1M", "1G", "1T", "1P", "1E", "9E", "10E", "100E", "1000E", "9223372036854775807", "9223372036854775808",
		"99999999999999999999", "1e18", "1e19", ".5", "5.", "00012", "0.000", "1.2.3", "", "abc", "1K", "1ki", "1mi", "1KI", "1MB",
		"1Gib", " 1", "1 ", "1e", "1e1.5", "1ee3", "--1", "+-1", "1,5", "1_000", "0x10", "NaN", "Inf", "1h", "m", "1mm",
	}
	for i := 0; i < 400; i++ {
		digits := fmt.Sprint(random.Intn(pick(10, 1000, 100000, 10000000)))
		if random.Intn(2) == 0 {
			digits += "." + fmt.Sprint(random.Intn(pick(10, 1000, 100000)))
		}
		texts = append(texts, pick("", "", "", "-", "+")+digits+
			pick("", "", "n", "u", "m", "m", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti", "e2", "E3", "e-2", "e+1"))
	}
	return texts
}

func quantityVectors() []quantityVector {
	const maxSafe = int64(1)<<53 - 1
	var vectors []quantityVector
	for _, text := range quantityTexts() {
		quantity, err := resource.ParseQuantity(text)
		if err != nil {
			vectors = append(vectors, quantityVector{Text: text})
			continue
		}
		milli, value := quantity.MilliValue(), quantity.Value()
		// Ours end at 2^53 - 1 in the unit asked for; beyond that the vector says nothing.
		if value > maxSafe/1000 || value < -maxSafe/1000 {
			milli = 0
		}
		if value > maxSafe || value < -maxSafe {
			value = maxSafe
		}
		vectors = append(vectors, quantityVector{
			Text: text, Valid: true, Milli: milli, Value: value,
			Decimal: resource.NewMilliQuantity(milli, resource.DecimalSI).String(),
			Binary:  resource.NewQuantity(value, resource.BinarySI).String(),
		})
	}
	return vectors
}

func amounts(names ...v1.ResourceName) v1.ResourceList {
	list := v1.ResourceList{}
	for _, name := range names {
		switch {
		case random.Intn(3) == 0:
			continue
		case name == v1.ResourceCPU:
			list[name] = resource.MustParse(pick("0", "1", "100m", "250m", "0.3", "1.5", "333u"))
		case name == v1.ResourceMemory || name == v1.ResourceEphemeralStorage:
			list[name] = resource.MustParse(pick("0", "1Gi", "1.5Gi", "100Mi", "123456789", "0.7Ki", "300M"))
		default:
			list[name] = resource.MustParse(pick("0", "2", "4", "8"))
		}
	}
	if len(list) == 0 {
		return nil
	}
	return list
}

func container(name string) v1.Container {
	names := []v1.ResourceName{"cpu", "memory", "ephemeral-storage", "nvidia.com/gpu"}
	return v1.Container{Name: name, Resources: v1.ResourceRequirements{
		Requests: pick(amounts(names...), nil),
		Limits:   pick(amounts(names...), nil, nil),
	}}
}

func statusOf(containers []v1.Container) []v1.ContainerStatus {
	var statuses []v1.ContainerStatus
	for _, one := range containers {
		status := v1.ContainerStatus{Name: one.Name, AllocatedResources: pick(amounts("cpu", "memory"), nil)}
		if random.Intn(4) > 0 {
			status.Resources = &v1.ResourceRequirements{Requests: amounts("cpu", "memory")}
		}
		statuses = append(statuses, status)
	}
	return statuses
}

func randomPod(onNode bool) *v1.Pod {
	pod := &v1.Pod{}
	always := v1.ContainerRestartPolicyAlways
	for i := 0; i <= random.Intn(3); i++ {
		pod.Spec.Containers = append(pod.Spec.Containers, container(fmt.Sprintf("main-%d", i)))
	}
	for i := 0; i < random.Intn(4); i++ {
		one := container(fmt.Sprintf("init-%d", i))
		if random.Intn(2) == 0 {
			one.RestartPolicy = &always
		}
		pod.Spec.InitContainers = append(pod.Spec.InitContainers, one)
	}
	if random.Intn(3) == 0 {
		pod.Spec.Overhead = amounts("cpu", "memory")
	}
	if random.Intn(3) == 0 {
		pod.Spec.Resources = &v1.ResourceRequirements{
			Requests: pick(amounts("cpu", "memory"), nil), Limits: pick(amounts("cpu", "memory"), nil),
		}
	}
	if onNode {
		pod.Status.ContainerStatuses = statusOf(pod.Spec.Containers)
		pod.Status.InitContainerStatuses = statusOf(pod.Spec.InitContainers)
		if random.Intn(3) == 0 {
			pod.Status.Conditions = []v1.PodCondition{{
				Type: v1.PodResizePending, Status: v1.ConditionTrue, Reason: pick(v1.PodReasonInfeasible, v1.PodReasonDeferred),
			}}
		}
		if random.Intn(2) == 0 {
			pod.Status.Resources = &v1.ResourceRequirements{Requests: amounts("cpu", "memory")}
			pod.Status.AllocatedResources = pick(amounts("cpu", "memory"), nil)
		}
	}
	return pod
}

func must(value any) json.RawMessage {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return text
}

// The parts of a stored spec that count.
func onlyResources(spec v1.PodSpec) v1.PodSpec {
	reduced := v1.PodSpec{Overhead: spec.Overhead, Resources: spec.Resources}
	for _, one := range spec.Containers {
		reduced.Containers = append(reduced.Containers, v1.Container{Name: one.Name, Resources: one.Resources})
	}
	for _, one := range spec.InitContainers {
		reduced.InitContainers = append(reduced.InitContainers,
			v1.Container{Name: one.Name, Resources: one.Resources, RestartPolicy: one.RestartPolicy})
	}
	return reduced
}

func podVectors(count int, onNode bool) []podVector {
	var vectors []podVector
	for i := 0; i < count; i++ {
		pod := randomPod(onNode)
		vector := podVector{Spec: must(pod.Spec), Requests: map[string]int64{}}
		defaults.SetObjectDefaults_Pod(pod)
		options := helpers.PodResourcesOptions{}
		if onNode {
			// A pod on a node has been defaulted already: its stored spec is what we read.
			vector.Spec = must(onlyResources(pod.Spec))
			vector.Status = must(pod.Status)
			options.UseStatusResources = true
			options.InPlacePodLevelResourcesVerticalScalingEnabled = true
		}
		for name, quantity := range helpers.PodRequests(pod, options) {
			amount := quantity.Value()
			if name == v1.ResourceCPU {
				amount = quantity.MilliValue()
			}
			if amount != 0 {
				vector.Requests[string(name)] = amount
			}
		}
		vectors = append(vectors, vector)
	}
	return vectors
}

// One vector a line, so that a difference between versions can be read.
func printList[T any](name string, vectors []T, end string) {
	fmt.Printf("%q:[\n", name)
	for i, vector := range vectors {
		separator := ","
		if i == len(vectors)-1 {
			separator = ""
		}
		fmt.Println(string(must(vector)) + separator)
	}
	fmt.Println("]" + end)
}

func main() {
	fmt.Println(`{"source":"k8s.io/kubernetes v1.36.3, made by test/golden/kubernetes-vectors/main.go",`)
	printList("quantities", quantityVectors(), ",")
	printList("pods", podVectors(150, false), ",")
	printList("podsOnNode", podVectors(150, true), "}")
}
