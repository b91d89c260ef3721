import type { Report, ReportSink } from '../../src/core/wire.ts';

/** A sink that remembers what it was sent and answers as the test says. */
export class RecordingSink implements ReportSink {
  /** Every call, also those that failed; frozen as it came. */
  readonly calls: Report[] = [];
  /** What a call does before it answers; rejecting is failing. */
  answer: () => Promise<void> = async () => undefined;

  async report(report: Report): Promise<void> {
    this.calls.push(structuredClone(report));
    await this.answer();
  }

  /** All reports once each, whatever was sent twice. */
  get reports(): Report[] {
    return [...new Map(this.calls.map((report) => [report.sequence, report])).values()];
  }

  get usage(): Report['usage'][number][] {
    return this.reports.flatMap(({ usage }) => usage);
  }

  get refusals(): Report['refusals'][number][] {
    return this.reports.flatMap(({ refusals }) => refusals);
  }

  get suppressed(): Report['suppressed'][number][] {
    return this.reports.flatMap(({ suppressed }) => suppressed);
  }
}
