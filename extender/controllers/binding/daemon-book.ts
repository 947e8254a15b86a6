/**
 * The DaemonSets of the cluster as the room check wants them.
 *
 * In: the view. Out: compiled DaemonSets, made anew only when one has changed or its first pod has
 * shown what its pods really request. It holds one pod per DaemonSet.
 */
import { type DaemonTemplate, daemonTemplates } from '../../../core/scheduling/daemonsets.ts';
import type { LivePod } from '../../../core/state/live-pod.ts';
import type { ClusterView } from '../../../core/state/view.ts';

export class DaemonBook {
  readonly #view: ClusterView;
  /** By UID of the DaemonSet. */
  readonly #samples = new Map<string, LivePod>();
  readonly #stops: readonly (() => void)[];
  #templates: readonly DaemonTemplate[] | undefined;

  constructor(view: ClusterView) {
    this.#view = view;
    for (const pod of view.all('Pod')) this.#sample(pod);
    this.#stops = [
      view.listen('Pod', ({ object }) => this.#sample(object)),
      view.listen('DaemonSet', ({ type, object }) => {
        this.#templates = undefined;
        if (type === 'deleted') this.#samples.delete(object.metadata.uid);
      }),
    ];
  }

  get templates(): readonly DaemonTemplate[] {
    this.#templates ??= daemonTemplates(Array.from(this.#view.all('DaemonSet')), [
      ...this.#samples.values(),
    ]);
    return this.#templates;
  }

  close(): void {
    for (const stop of this.#stops) stop();
  }

  /** A pod of a later template replaces one of an earlier. */
  #sample(pod: LivePod): void {
    if (pod.ownerKind !== 'DaemonSet' || pod.nodeName === '' || pod.owner === undefined) return;
    const known = this.#samples.get(pod.owner.uid);
    if (known !== undefined && (known.spec === pod.spec || known.createdMs >= pod.createdMs))
      return;
    this.#samples.set(pod.owner.uid, pod);
    this.#templates = undefined;
  }
}
