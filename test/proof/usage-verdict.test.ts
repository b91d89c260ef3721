import { expect, it } from 'vitest';
import { count, differences, noCounts, sumOf, type Counts } from '../../proof/usage/counted.ts';

function countsOf(...answers: readonly (readonly [route: string, status: number])[]): Counts {
  const counts = noCounts();
  for (const [route, status] of answers) count(counts, route, status);
  return counts;
}

const COUNTED = countsOf(['/a', 200], ['/a', 204], ['/b', 404], ['/b', 101]);

it('usage that is the count of the upstream has no differences', () => {
  const told = sumOf([countsOf(['/b', 404], ['/a', 200]), countsOf(['/b', 101], ['/a', 204])]);
  expect(differences('k', told, COUNTED)).toEqual([]);
});

it.for([
  [
    'a request is missing',
    countsOf(['/a', 200], ['/b', 404], ['/b', 101]),
    ['requests 3', 'on /a 1', 'with 2xx 1'],
  ],
  ['one is counted twice', sumOf([COUNTED, countsOf(['/a', 200])]), ['requests 5', 'on /a 3', 'with 2xx 3']],
  [
    'one has another route',
    countsOf(['/a', 200], ['/b', 204], ['/b', 404], ['/b', 101]),
    ['on /a 1', 'on /b 3'],
  ],
  [
    'one has another class',
    countsOf(['/a', 200], ['/a', 204], ['/b', 500], ['/b', 101]),
    ['with 5xx 1', 'with 4xx 0'],
  ],
  ['nothing is told', noCounts(), ['requests 0', 'errors 0', 'on /a 0', 'on /b 0', 'with 2xx 0']],
] as const)('%s: that is a difference', ([, told, parts]) => {
  const found = differences('k', told, COUNTED).join('\n');
  for (const part of parts) expect(found).toContain(`k: ${part}`);
});
