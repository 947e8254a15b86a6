/**
 * Amounts of resources in canonical integer units.
 *
 * cpu is in millicores; memory, ephemeral-storage and hugepages-* are in bytes; everything else
 * (pods, nvidia.com/gpu, ...) is a count. Keys are Kubernetes resource names. A missing key is 0.
 * All values are integers below 2^53. Turning quantities into these is `quantity.ts`'s business;
 * turning these into packing units (MiB) is `packing/model.ts`'s.
 */
export type Resources = Readonly<Record<string, number>>;
