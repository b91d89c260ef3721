/** What the program's user in Redis must be allowed, in the words of `ACL SETUSER`. */
export const REDIS_RIGHTS: readonly string[] = [
  '~plexgate:*',
  '&plexgate:*',
  // To connect: INFO tells whether the server has loaded its data, and its run id to scripts. PING is the heartbeat.
  '+ping',
  '+info',
  '+client|setname',
  // What is kept, and the scripts that keep it.
  '+get',
  '+getrange',
  '+set',
  '+del',
  '+pttl',
  '+time',
  '+eval',
  '+evalsha',
  // News.
  '+publish',
  '+subscribe',
];

/** Beside those, in a Cluster. */
export const CLUSTER_RIGHTS: readonly string[] = [
  '+cluster|slots',
  '+cluster|info',
  '+readonly',
  '+readwrite',
  '+asking',
];

/** Beside those, where the configuration names a database other than 0. */
export const DATABASE_RIGHTS: readonly string[] = ['+select'];
