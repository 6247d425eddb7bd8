import { describe, expect, test } from 'vitest';
import { loadConfig } from './config.ts';

describe('loadConfig', () => {
  test('an empty environment gives the documented defaults', () => {
    expect(loadConfig({})).toEqual({
      port: 8889,
      host: '127.0.0.1',
      trustProxy: false,
      maxStalenessSeconds: 300,
      maxDirectStalenessSeconds: 604_800,
      maxSkewSeconds: 30,
      maxBodyBytes: 10_485_760,
      airflowConnectTimeoutSeconds: 5,
      airflowAnswerTimeoutSeconds: 60,
      airflowIdleTimeoutSeconds: 600,
      airflowProbeSeconds: 10,
      metricsForAll: false,
      logLevel: 'info',
      dataFolder: 'data',
    });
  });

  test('names follow from the fields, and the data folder is shared', () => {
    const config = loadConfig({ ASTROLABE_GATEWAY_MAX_STALENESS_SECONDS: '2', ASTROLABE_GATEWAY_PORT: '0', ASTROLABE_DATA: '/srv/a' });
    expect(config).toMatchObject({ maxStalenessSeconds: 2, port: 0, dataFolder: '/srv/a' });
  });

  test('every mistake is reported at once', () => {
    const load = () =>
      loadConfig({
        ASTROLABE_GATEWAY_PORT: '70000',
        ASTROLABE_GATEWAY_MAX_SKEW_SECONDS: '61',
        ASTROLABE_GATEWAY_MAX_STALENES_SECONDS: '5',
        ASTROLABE_GATEWAY_HOST: ' ',
      });
    expect(load).toThrow(/MAX_STALENES_SECONDS: there is no such setting/);
    expect(load).toThrow(/HOST: is set but empty/);
    expect(load).toThrow(/PORT: .*65535/);
    expect(load).toThrow(/MAX_SKEW_SECONDS: .*60/);
  });

  test('names of other programs, and those that Kubernetes injects, are left alone', () => {
    expect(loadConfig({ ASTROLABE_SERVER_PORT: 'x', GATEWAY_PORT: 'tcp://10.0.0.1:80' }).port).toBe(8889);
  });

  test('J-08 a skew of more than 60 seconds cannot be configured', () => {
    expect(() => loadConfig({ ASTROLABE_GATEWAY_MAX_SKEW_SECONDS: '61' })).toThrow();
  });
});
