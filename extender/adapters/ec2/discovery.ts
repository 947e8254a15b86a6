/**
 * Keeps the offerings book fresh.
 *
 * In: a connection, a book. Out: types and prices read at the start and again now and then, each part
 * by itself, at times of their own so that replicas and parts do not call together. A part that
 * cannot be read stays as it is, is tried again soon, and its age is told. It ends with the signal.
 */
import { AwsError } from './api-calls.ts';
import type { Ec2Connection } from './connection.ts';
import { describeTypes } from './describe-types.ts';
import type { BookPart, OfferingsBook } from './offerings-book.ts';
import { readOnDemandPrices, readSpotPrices } from './prices.ts';

const minute = 60_000;
/** Between two readings that went well. */
const refreshMs: Readonly<Record<BookPart, number>> = {
  types: 360 * minute,
  'on-demand': 720 * minute,
  spot: 10 * minute,
};
const retryMs = minute;
/** Share of a pause by which it varies. */
const jitter = 0.2;

/**
 * Resolves when each part has been tried once; goes on in the background until `signal`.
 *
 * @throws what is a bug, not what EC2 refuses
 */
export async function startDiscovery(
  connection: Ec2Connection,
  book: OfferingsBook,
  signal: AbortSignal,
): Promise<void> {
  const { log, metrics, clock, random } = connection;
  const readers: Readonly<Record<BookPart, () => Promise<number>>> = {
    types: async () => {
      const types = await describeTypes(connection, book.embedded, signal);
      if (types.facts.length > 0) book.setTypes(types, clock.nowMs());
      return types.facts.length;
    },
    'on-demand': async () => {
      const prices = await readOnDemandPrices(connection, signal);
      if (prices.size > 0) book.setOnDemand(prices, clock.nowMs());
      return prices.size;
    },
    spot: async () => {
      const prices = await readSpotPrices(connection, signal);
      if (prices.size > 0) book.setSpot(prices, clock.nowMs());
      return prices.size;
    },
  };

  function tellAge(part: BookPart): number {
    const ageSeconds = Math.max(0, (clock.nowMs() - book.sources[part].asOfMs) / 1_000);
    metrics.discoveryAgeSeconds.set({ part }, ageSeconds);
    return ageSeconds;
  }

  async function read(part: BookPart): Promise<boolean> {
    try {
      const count = await readers[part]();
      tellAge(part);
      log.debug({ part, count }, 'read of EC2');
      if (count > 0) return true;
      log.warn({ part, from: book.sources[part].from }, 'EC2 told nothing of this part');
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof AwsError)) throw error;
      const ageHours = Math.round(tellAge(part) / 3_600);
      const { from } = book.sources[part];
      log.warn({ part, from, ageHours, code: error.code }, `not read: ${error.message}`);
    }
    return false;
  }

  async function keepFresh(part: BookPart, wasRead: boolean): Promise<void> {
    let isFresh = wasRead;
    try {
      for (;;) {
        const pauseMs = isFresh ? refreshMs[part] : retryMs;
        await clock.sleep(pauseMs * (1 + jitter * (random.float() - 0.5)), signal);
        isFresh = await read(part);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  const parts: readonly BookPart[] = ['types', 'on-demand', 'spot'];
  await Promise.all(
    parts.map(async (part) => {
      const wasRead = await read(part);
      keepFresh(part, wasRead).catch((error: unknown) => {
        // A bug: the part stays as it is, which its growing age tells.
        log.error({ err: error, part }, 'is not read any more');
      });
    }),
  );
}
