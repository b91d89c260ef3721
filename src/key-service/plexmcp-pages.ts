import type { FieldValues } from './field-values.ts';

export interface PlexmcpPage {
  readonly page: number;
  readonly perPage: number;
  readonly limit: number;
  readonly offset: number;
}

const DEFAULT_PAGE_SIZE = 20;
const MAX_PAGE_SIZE = 100;
const MAX_PAGE = 1_000_000;

/** Pages count from 1. */
export function plexmcpPage(
  values: FieldValues,
  wanted: { readonly page?: number | undefined; readonly perPage?: number | undefined },
): PlexmcpPage {
  const page = values.wholeNumber('page', wanted.page ?? 1, 1, MAX_PAGE);
  const perPage = values.wholeNumber('per_page', wanted.perPage ?? DEFAULT_PAGE_SIZE, 1, MAX_PAGE_SIZE);
  return { page, perPage, limit: perPage, offset: (page - 1) * perPage };
}

export function plexmcpPageJson({ page, perPage }: PlexmcpPage, total: number): object {
  return { page, per_page: perPage, total, total_pages: Math.ceil(total / perPage) };
}
