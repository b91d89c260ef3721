import type { Case } from '../cases.ts';
import { echo } from './echo.ts';
import { events } from './events.ts';
import type { Attempt } from './loaded.ts';
import { requests } from './requests.ts';

/** A generator of load as a process of its own: it takes a case and an attempt as JSON and prints what it found. */
const [which, attempt] = process.argv.slice(2).map((text) => JSON.parse(text) as unknown) as [Case, Attempt];
const loaded =
  which.kind === 'http' ? requests(which, attempt) : { echo, events }[which.kind](which, attempt);
process.stdout.write(`${JSON.stringify(await loaded)}\n`);
process.exit(0);
