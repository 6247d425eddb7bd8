import { expect, test } from 'vitest';
import { Metrics } from './metrics.ts';

test('durations are counted in every bucket they fit into', async () => {
  const metrics = new Metrics();
  for (const ms of [0.5, 1, 3, 60_000]) metrics.observeDurationMs(ms);
  const told = (await metrics.registry.metrics())
    .split('\n')
    .filter((line) => line.startsWith('astrolabe_gateway_request_duration_seconds'));
  expect(told.map((line) => line.replace('astrolabe_gateway_request_duration_seconds', ''))).toEqual([
    '_bucket{le="0.001"} 2',
    '_bucket{le="0.0025"} 2',
    ...['0.005', '0.01', '0.025', '0.05', '0.1', '0.25', '0.5', '1', '5', '30'].map((le) => `_bucket{le="${le}"} 3`),
    '_bucket{le="+Inf"} 4',
    '_sum 60.0045',
    '_count 4',
  ]);
  const [durations] = (await metrics.registry.getMetricsAsJSON()).filter(({ name }) => name.includes('duration'));
  expect(durations).toMatchObject({ type: 'histogram', values: expect.arrayContaining([expect.objectContaining({ value: 4 })]) });
});
