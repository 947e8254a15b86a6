/**
 * What the main thread and the thread of the verbs tell each other.
 *
 * In: nothing. Out: message types; everything in them survives a structured clone.
 */
import type { InputLocation } from '../../core/errors.ts';
import type { BindOutcome, ClusterErrorCode, PodIdentity } from '../../core/ports.ts';
import type { ExtenderNode } from '../../core/scheduling/extender-view.ts';
import type { LogLevel } from '../log.ts';
import type { ExtenderTls } from '../server/secure-server.ts';

/** Where the thread listens. */
export interface WorkerListen {
  readonly host: string;
  readonly port: number;
  readonly pathPrefix?: string;
  readonly tls?: ExtenderTls;
}

export interface WorkerTask {
  readonly options: WorkerListen;
  readonly logLevel: LogLevel;
  readonly version: string;
}

export type ToExtender =
  /** Deletions come before additions. */
  | {
      readonly type: 'nodes';
      readonly put: readonly ExtenderNode[];
      readonly deleted: readonly string[];
    }
  | {
      readonly type: 'bound';
      readonly id: number;
      readonly outcome?: BindOutcome;
      readonly error?: { readonly code: ClusterErrorCode; readonly message: string };
    }
  | { readonly type: 'metrics'; readonly id: number }
  | { readonly type: 'close' };

export type FromExtender =
  | { readonly type: 'listening'; readonly url: string; readonly port: number }
  | {
      readonly type: 'failed';
      readonly message: string;
      /** Of an InputError. */
      readonly location: InputLocation | undefined;
    }
  | {
      readonly type: 'bind';
      readonly id: number;
      readonly pod: PodIdentity;
      readonly nodeName: string;
    }
  | { readonly type: 'metrics'; readonly id: number; readonly text: string }
  | { readonly type: 'closed' };
