/** `http://127.0.0.1:3000` or `https://api.example.com/base`, read into what requests are sent to. */
export interface UpstreamUrl {
  readonly origin: string;
  /** Put before every path; empty or starting with `/`, never ending in `/`. */
  readonly basePath: string;
}

/** Nothing that a URL parser would repair: no credentials, query, fragment, backslash, white space. */
const URL_FORM = /^https?:\/\/[^\s/?#@\\]+(\/[^\s?#\\]*)?$/;

export function parseUpstreamUrl(text: string): UpstreamUrl | null {
  const match = URL_FORM.exec(text);
  if (match === null || !URL.canParse(text)) return null;
  const { origin, pathname } = new URL(text);
  // The parser resolves dot segments, plain or encoded, and encodes what is not ASCII.
  if ((match[1] ?? '/') !== pathname) return null;
  return { origin, basePath: pathname.replace(/\/+$/, '') };
}
