import type { KeptChange } from './store.ts';

/**
 * What the store knows of the gates, its members, and of what they have been told. All of it is in the store, so that
 * every process of the key service may wait for any member. No instant is kept: clocks of several machines differ, so
 * whoever wants to know how long something has been so watches it by a clock of its own.
 */
export interface Fleet {
  /**
   * Keeps the renewals of these members, all in one transaction. Of a member whose row has the same epoch, `applied`
   * never goes back. Numbers of another epoch than the store's are kept as they are, with their epoch.
   */
  renewMembers(renewals: readonly MemberRenewal[]): Promise<void>;
  /** The rows go where they are as the caller last saw them: a member that has renewed since stays. */
  removeMembers(members: readonly Pick<MemberRow, 'id' | 'renewals'>[]): Promise<void>;
  /** A member that stops by itself. */
  forgetMember(id: string): Promise<void>;
  /** All of it in one snapshot. */
  fleet(): Promise<FleetState>;
  /**
   * The head, and the changes after `number` in order, at most `limit`, in one snapshot. Where older ones are no
   * longer kept the first is not `number + 1`.
   */
  changesAfter(number: number, limit: number): Promise<Telling>;
  /**
   * Names the Redis process that heads are written to from now on. It is not settled where it is another than the one
   * before; the first after none is, if that was.
   */
  nameRedis(run: string | null): Promise<void>;
  /**
   * Notes that every member has had time to forget the processes named before; only where no other has been named
   * since `naming`. By the number and not by the process, since A may be named again after B.
   */
  settleRedis(naming: number): Promise<void>;
  /** Gives the store a new epoch where it still has `epoch`; the numbers go on from where they are. */
  renewEpoch(epoch: string): Promise<void>;
}

export interface MemberRenewal {
  readonly id: string;
  readonly epoch: string;
  readonly applied: number;
  readonly staleIfErrorMs: number;
}

export interface MemberRow extends MemberRenewal {
  /** Rises with every renewal. Where it begins says nothing, and a member that comes back begins elsewhere. */
  readonly renewals: number;
}

export interface FleetState {
  readonly epoch: string;
  readonly head: number;
  readonly members: readonly MemberRow[];
  readonly redisRun: string | null;
  /** Rises whenever another Redis process is named. */
  readonly redisNaming: number;
  /** Whether every member that was told of another Redis process has had time to forget it. */
  readonly redisSettled: boolean;
}

export interface Telling {
  readonly epoch: string;
  readonly head: number;
  readonly redisRun: string | null;
  readonly changes: readonly KeptChange[];
}
