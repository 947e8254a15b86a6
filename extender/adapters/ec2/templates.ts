/**
 * Launch templates: one for each content, made when first needed.
 *
 * In: contents. Out: the name of a template with that content. The name is a hash of the content, so
 * two processes, or one before and after a crash, mean the same template and nobody has to remember.
 * Templates that no launch has used for long are removed, as are those of a node class that goes.
 */
import { createHash } from 'node:crypto';
import {
  CreateLaunchTemplateCommand,
  DeleteLaunchTemplateCommand,
  DescribeLaunchTemplatesCommand,
} from '@aws-sdk/client-ec2';
import type { EC2NodeClass } from '../../../core/api/ec2nodeclass.ts';
import { isNotFound } from '../../../core/ec2/error-codes.ts';
import { type LaunchTemplateContent, tagList } from '../../../core/ec2/launch-template.ts';
import { AwsError } from './api-calls.ts';
import type { Ec2Connection } from './connection.ts';
import { pages } from './paging.ts';

/** Longer than any pause between two launches of one burst. */
const unusedMs = 60 * 60_000;
const templatesPerPage = 200;
const hashChars = 16;
/** Tag of our templates: the cluster. */
const tagCluster = 'stowage.dev/cluster';
/** Tag of our templates: `group/name` of the node class. */
const tagClass = 'stowage.dev/nodeclass';

export interface TemplateStore {
  /** Name of the template. @throws AwsError */
  ensure(
    content: LaunchTemplateContent,
    nodeClass: EC2NodeClass,
    signal: AbortSignal | undefined,
  ): Promise<string>;
  /** EC2 says that it is not there: the next {@link ensure} makes it again. */
  lost(name: string): void;
  /** Removes those that have not been used for an hour. @throws AwsError */
  collect(signal: AbortSignal | undefined): Promise<void>;
  /** Removes those of a node class. @throws AwsError */
  forget(nodeClass: EC2NodeClass, signal: AbortSignal | undefined): Promise<void>;
}

export function createTemplateStore(connection: Ec2Connection): TemplateStore {
  const { clients, api, clock, log, clusterName } = connection;
  /** Name -> last use. Only as many as there are contents in use. */
  const usedMs = new Map<string, number>();
  const making = new Map<string, Promise<void>>();
  let hydration: Promise<void> | undefined;

  async function hydrate(signal: AbortSignal | undefined): Promise<void> {
    const nowMs = clock.monotonicMs();
    for (const name of await names({ [tagCluster]: clusterName }, signal)) {
      if (!usedMs.has(name)) usedMs.set(name, nowMs);
    }
  }

  async function names(
    tags: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
  ): Promise<readonly string[]> {
    const found: string[] = [];
    const Filters = tagList(tags).map(({ Key, Value }) => ({
      Name: `tag:${Key}`,
      Values: [Value],
    }));
    const answers = pages(
      api,
      'ec2',
      'DescribeLaunchTemplates',
      async (NextToken, options) =>
        await clients.ec2.send(
          new DescribeLaunchTemplatesCommand({ Filters, NextToken, MaxResults: templatesPerPage }),
          options,
        ),
      signal,
    );
    for await (const page of answers) {
      for (const { LaunchTemplateName } of page.LaunchTemplates ?? []) {
        if (LaunchTemplateName !== undefined) found.push(LaunchTemplateName);
      }
    }
    return found;
  }

  async function make(
    LaunchTemplateName: string,
    content: LaunchTemplateContent,
    nodeClass: EC2NodeClass,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    try {
      await api.call(
        'ec2',
        'CreateLaunchTemplate',
        async (abortSignal) =>
          await clients.ec2.send(
            new CreateLaunchTemplateCommand({
              LaunchTemplateName,
              LaunchTemplateData: content,
              TagSpecifications: [
                {
                  ResourceType: 'launch-template',
                  Tags: tagList({
                    ...nodeClass.spec.tags,
                    [`kubernetes.io/cluster/${clusterName}`]: 'owned',
                    [tagCluster]: clusterName,
                    [tagClass]: classTag(nodeClass),
                  }),
                },
              ],
            }),
            abortSignal === undefined ? {} : { abortSignal },
          ),
        { signal },
      );
      log.debug({ template: LaunchTemplateName }, 'launch template made');
    } catch (error) {
      // The name says the content: somebody else made the very same, or we did and did not hear of it.
      const isThere =
        error instanceof AwsError &&
        error.code.startsWith('InvalidLaunchTemplateName.AlreadyExists');
      if (!isThere) throw error;
    }
  }

  async function remove(name: string, signal: AbortSignal | undefined): Promise<void> {
    usedMs.delete(name);
    try {
      await api.call(
        'ec2',
        'DeleteLaunchTemplate',
        async (abortSignal) =>
          await clients.ec2.send(
            new DeleteLaunchTemplateCommand({ LaunchTemplateName: name }),
            abortSignal === undefined ? {} : { abortSignal },
          ),
        { signal },
      );
      log.debug({ template: name }, 'launch template removed');
    } catch (error) {
      if (!(error instanceof AwsError && isNotFound(error.code))) throw error;
    }
  }

  return {
    ensure: async (content, nodeClass, signal) => {
      hydration ??= hydrate(signal);
      try {
        await hydration;
      } catch (error) {
        hydration = undefined;
        throw error;
      }
      const name = templateName(clusterName, content);
      if (!usedMs.has(name)) {
        let run = making.get(name);
        if (run === undefined) {
          run = make(name, content, nodeClass, signal).finally(() => making.delete(name));
          making.set(name, run);
        }
        await run;
      }
      usedMs.set(name, clock.monotonicMs());
      return name;
    },

    lost: (name) => {
      usedMs.delete(name);
    },

    collect: async (signal) => {
      await hydrate(signal);
      const nowMs = clock.monotonicMs();
      for (const [name, lastMs] of usedMs) {
        if (nowMs - lastMs >= unusedMs) await remove(name, signal);
      }
    },

    forget: async (nodeClass, signal) => {
      const tags = { [tagCluster]: clusterName, [tagClass]: classTag(nodeClass) };
      for (const name of await names(tags, signal)) await remove(name, signal);
    },
  };
}

function classTag({ apiVersion, metadata }: EC2NodeClass): string {
  return `${apiVersion.split('/')[0]}/${metadata.name}`;
}

function templateName(clusterName: string, content: LaunchTemplateContent): string {
  const hash = createHash('sha256').update(JSON.stringify(content)).digest('hex');
  return `stowage/${clusterName}/${hash.slice(0, hashChars)}`;
}
