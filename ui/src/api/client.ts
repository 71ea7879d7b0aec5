// Requests to the server that served this page, and its errors (RFC 9457).

import createClient from 'openapi-fetch';

import { dataFolder } from './bundle/where';
import type { paths } from './schema';

/** What the server said went wrong, or that it could not be reached. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  constructor(
    readonly title: string,
    readonly detail: string,
    readonly status: number,
  ) {
    super(detail || title);
  }
}

/** Whether files of a bundle answer rather than a server. */
export const inBundle = dataFolder !== null;

/** Where no server answers, the files of a bundle do. */
const files = (folder: string) => {
  const answerer = import('./bundle/answer').then(({ bundleFetch }) => bundleFetch(folder));
  return async (request: Request) => (await answerer)(request);
};

/** Typed by the OpenAPI document; lists go out as repeated keys. */
export const client = createClient<paths>({
  baseUrl: '/',
  ...(dataFolder === null ? {} : { fetch: files(dataFolder) }),
});

function problem(body: unknown, response: Response): ApiError {
  const fallback = response.statusText || `HTTP ${response.status}`;
  if (typeof body !== 'object' || body === null) {
    return new ApiError(fallback, 'The server gave no reason.', response.status);
  }
  const { title, detail } = body as { title?: unknown; detail?: unknown };
  return new ApiError(
    typeof title === 'string' ? title : fallback,
    typeof detail === 'string' ? detail : '',
    response.status,
  );
}

/** The answer's body; throws [`ApiError`] when there is none. */
export async function body<T>(
  asked: Promise<{ data?: T; error?: unknown; response: Response }>,
): Promise<NonNullable<T>> {
  const { data, error, response } = await asked.catch((reason: unknown) => {
    if (reason instanceof DOMException && reason.name === 'AbortError') throw reason;
    throw new ApiError(
      'No answer',
      inBundle
        ? 'The files of this page cannot be reached.'
        : 'The server cannot be reached. Is `smoltrace serve` still running?',
      0,
    );
  });
  if (!response.ok || data === undefined || data === null) throw problem(error, response);
  return data;
}
