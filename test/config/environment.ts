/** The environment the files of these tests are read in. No value occurs in a message for another reason. */
export const ENVIRONMENT = {
  ADMIN_PORT_TOKEN: 'value-of-admin-port-token',
  GATE_PORT: '18080',
  STRIP: 'true',
  UPSTREAM_TOKEN: 'value-of-upstream-token',
  SERVICE_TOKEN: 'value-of-service-token',
  PEPPER: 'value-of-the-pepper',
  LEGACY_TOKEN: 'value-of-legacy-token',
  PLEXGATE_ADMIN_PORT_TOKEN: 'value-of-plexgate-admin-port-token',
  PLEXGATE_SERVICE_TOKEN: 'value-of-plexgate-service-token',
  PLEXGATE_ADMIN_TOKEN: 'value-of-plexgate-admin-token',
  PLEXGATE_PEPPER: 'value-of-plexgate-pepper',
} as const;
