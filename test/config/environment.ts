/** The environment the files of these tests are read in. No value occurs in a message for another reason. */
export const ENVIRONMENT = {
  ADMIN_PORT_TOKEN: 'value-of-admin-port-token',
  GATE_PORT: '18080',
  STRIP: 'true',
  SAMPLE: '0.25',
  UPSTREAM_TOKEN: 'value-of-upstream-token',
  SERVICE_TOKEN: 'value-of-service-token',
  REDIS_PASSWORD: 'value-of-redis-password',
  PEPPER: 'value-of-the-pepper',
  LEGACY_TOKEN: 'value-of-legacy-token',
  PLEXGATE_ADMIN_PORT_TOKEN: 'value-of-plexgate-admin-port-token',
  PLEXGATE_SERVICE_TOKEN: 'value-of-plexgate-service-token',
  PLEXGATE_ADMIN_TOKEN: 'value-of-plexgate-admin-token',
  PLEXGATE_REDIS_URL: 'rediss://gate:value-of-redis-password@redis.example.com:6379',
  PLEXGATE_DATABASE_URL: 'postgres://plexgate:value-of-database-password@postgres:5432/plexgate',
  PLEXGATE_PEPPER: 'value-of-plexgate-pepper',
} as const;
