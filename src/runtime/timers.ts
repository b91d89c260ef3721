/** Something done later; what is returned calls it off. */
export interface Timers {
  after(ms: number, action: () => void): () => void;
}

/** They do not keep the process running. */
export const systemTimers: Timers = {
  after(ms, action) {
    const timer = setTimeout(action, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
