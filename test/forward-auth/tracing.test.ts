import { expect, it, onTestFinished } from 'vitest';
import { startTraced } from '../support/traced.ts';
import { ask, KEY, original, startAskedGate } from './asking.ts';

it('a question at the second door is a span of the original request, under the context that came with it', async () => {
  const { tracing, trace, stop } = await startTraced();
  onTestFinished(stop);
  const stage = await startAskedGate('{ headers: x-original, trustedProxies: [127.0.0.1] }', { tracing });
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  const headers = original([KEY, ['traceparent', `00-${traceId}-b7ad6b7169203331-01`]], { method: 'POST' });
  expect((await ask(stage, { headers })).status).toBe(200);
  const [own, ...steps] = await trace(traceId, 2);
  expect(own).toMatchObject({
    name: 'POST /',
    parentSpanId: 'b7ad6b7169203331',
    attributes: { 'http.request.method': 'POST', 'http.route': '/', 'plexgate.result': 'allow' },
  });
  expect(steps.map(({ name }) => name)).toEqual(['ask key service']);
});
