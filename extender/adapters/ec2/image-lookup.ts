/**
 * Finds the images of an EC2NodeClass: by alias, SSM parameter, id, name, tags.
 *
 * In: a node class, the cluster's version. Out: images with what they are for. Parameters are looked
 * up anew after a while; one that does not exist is skipped, for not every variant exists for every
 * release. It decides nothing about types (`core/ec2/images.ts` does).
 */
import { DescribeImagesCommand, type Filter, type Image } from '@aws-sdk/client-ec2';
import { GetParameterCommand } from '@aws-sdk/client-ssm';
import type { AMISelectorTerm, EC2NodeClass } from '../../../core/api/ec2nodeclass.ts';
import { isNotFound } from '../../../core/ec2/error-codes.ts';
import {
  aliasOf,
  aliasParameters,
  type FoundImages,
  type ImageCandidate,
  type ImageFacts,
  selectedImage,
  statusImages,
} from '../../../core/ec2/images.ts';
import { AwsError } from './api-calls.ts';
import type { Ec2Connection } from './connection.ts';
import { pages } from './paging.ts';
import { tagFilters } from './selectors.ts';

/** A release of an image stands in a parameter for days. */
const parameterMs = 30 * 60_000;
const parametersMax = 1_000;
const ownersDefault = ['self', 'amazon'];
const imagesPerPage = 500;

export interface ImageLookup {
  /** @throws AwsError */
  find(
    nodeClass: EC2NodeClass,
    kubernetesVersion: () => Promise<string>,
    signal: AbortSignal | undefined,
  ): Promise<FoundImages>;
}

export function createImageLookup(connection: Ec2Connection): ImageLookup {
  const parameters = new Map<string, { readonly value: string | undefined; untilMs: number }>();

  async function parameter(
    name: string,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    const nowMs = connection.clock.monotonicMs();
    const known = parameters.get(name);
    if (known !== undefined && known.untilMs > nowMs) return known.value;
    const value = await readParameter(connection, name, signal);
    // The oldest goes when there are too many: only as many as node classes name are ever asked.
    const [oldest] = parameters.keys();
    if (parameters.size >= parametersMax && oldest !== undefined) parameters.delete(oldest);
    parameters.set(name, { value, untilMs: nowMs + parameterMs });
    return value;
  }

  return {
    find: async (nodeClass, kubernetesVersion, signal) => {
      const terms = nodeClass.spec.amiSelectorTerms;
      const alias = aliasOf(terms);
      if (alias === undefined) {
        const candidates = await selectedImages(connection, terms, parameter, signal);
        return outcome(statusImages(candidates), 'no image matches spec.amiSelectorTerms');
      }
      const wanted = aliasParameters(alias, await kubernetesVersion());
      if ('reason' in wanted) return { images: [], problem: wanted };
      const ids = await Promise.all(
        wanted.map(async (one) => ({ ...one, id: await parameter(one.parameter, signal) })),
      );
      const facts = await describe(
        connection,
        ids.flatMap(({ id }) => (id === undefined ? [] : [id])),
        signal,
      );
      const candidates = ids.flatMap(({ id, requirements }) => {
        const image = facts.get(id ?? '');
        return image === undefined ? [] : [{ image, requirements }];
      });
      return outcome(
        statusImages(candidates),
        `alias ${alias.family}@${alias.version}: SSM has no image under ${wanted[0]?.parameter ?? ''}; check the version`,
      );
    },
  };
}

function outcome(images: FoundImages['images'], message: string): FoundImages {
  return images.length > 0 ? { images } : { images, problem: { reason: 'AMINotFound', message } };
}

async function readParameter(
  { clients, api }: Ec2Connection,
  Name: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  try {
    const { Parameter } = await api.call(
      'ssm',
      'GetParameter',
      async (abortSignal) =>
        await clients.ssm.send(
          new GetParameterCommand({ Name }),
          abortSignal === undefined ? {} : { abortSignal },
        ),
      { signal },
    );
    return Parameter?.Value;
  } catch (error) {
    if (error instanceof AwsError && isNotFound(error.code)) return undefined;
    throw error;
  }
}

async function selectedImages(
  connection: Ec2Connection,
  terms: readonly AMISelectorTerm[],
  parameter: (name: string, signal: AbortSignal | undefined) => Promise<string | undefined>,
  signal: AbortSignal | undefined,
): Promise<readonly ImageCandidate[]> {
  const ids: string[] = [];
  const found = new Map<string, ImageFacts>();
  for (const { id, ssmParameter, name, owner, tags } of terms) {
    if (id !== undefined) ids.push(id);
    else if (ssmParameter !== undefined) {
      const value = await parameter(ssmParameter, signal);
      if (value !== undefined) ids.push(value);
    } else {
      const Filters = [
        ...tagFilters(tags ?? {}),
        ...(name === undefined ? [] : [{ Name: 'name', Values: [name] }]),
      ];
      const owners = owner === undefined ? ownersDefault : [owner];
      for (const image of await readImages(connection, Filters, owners, signal)) {
        found.set(image.id, image);
      }
    }
  }
  for (const [id, image] of await describe(connection, ids, signal)) found.set(id, image);
  return [...found.values()].map(selectedImage);
}

/** By filter and not by id: an id that is not there then is no error. */
async function describe(
  connection: Ec2Connection,
  ids: readonly string[],
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, ImageFacts>> {
  if (ids.length === 0) return new Map();
  const Filters = [{ Name: 'image-id', Values: [...new Set(ids)] }];
  const images = await readImages(connection, Filters, undefined, signal);
  return new Map(images.map((image) => [image.id, image]));
}

async function readImages(
  { clients, api, clock }: Ec2Connection,
  Filters: Filter[],
  Owners: string[] | undefined,
  signal: AbortSignal | undefined,
): Promise<readonly ImageFacts[]> {
  const found: ImageFacts[] = [];
  const answers = pages(
    api,
    'ec2',
    'DescribeImages',
    async (NextToken, options) =>
      await clients.ec2.send(
        new DescribeImagesCommand({
          Filters: [...Filters, { Name: 'state', Values: ['available'] }],
          Owners,
          NextToken,
          MaxResults: imagesPerPage,
          IncludeDeprecated: true,
        }),
        options,
      ),
    signal,
  );
  for await (const page of answers) {
    for (const image of page.Images ?? []) {
      const facts = imageFacts(image, clock.nowMs());
      if (facts !== undefined) found.push(facts);
    }
  }
  return found;
}

function imageFacts(image: Image, nowMs: number): ImageFacts | undefined {
  const { ImageId: id, Name = '', Architecture, CreationDate = '', DeprecationTime } = image;
  if (id === undefined || (Architecture !== 'x86_64' && Architecture !== 'arm64')) return undefined;
  return {
    id,
    name: Name,
    architecture: Architecture === 'x86_64' ? 'amd64' : 'arm64',
    createdAt: CreationDate,
    deprecated: DeprecationTime !== undefined && Date.parse(DeprecationTime) <= nowMs,
  };
}
