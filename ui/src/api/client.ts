// Requests to the server that served this page, and its errors (RFC 9457).

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

export const API = '/api/v1';

export type Query = Record<string, string | number | boolean | readonly string[] | undefined>;

/** Parameters in one order, empty ones left out, lists as repeated keys. */
export function queryString(query: Query): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value === undefined || value === '') continue;
    if (Array.isArray(value)) for (const item of value as string[]) params.append(key, item);
    else params.set(key, String(value));
  }
  const text = params.toString();
  return text ? `?${text}` : '';
}

/** The address of a resource, every segment escaped. */
export function address(...segments: string[]): string {
  return [API, ...segments.map(encodeURIComponent)].join('/');
}

async function problem(response: Response): Promise<ApiError> {
  const title = response.statusText || `HTTP ${response.status}`;
  const body: unknown = await response.json().catch(() => null);
  if (typeof body === 'object' && body !== null) {
    const { title: said, detail } = body as { title?: unknown; detail?: unknown };
    return new ApiError(
      typeof said === 'string' ? said : title,
      typeof detail === 'string' ? detail : '',
      response.status,
    );
  }
  return new ApiError(title, 'The server gave no reason.', response.status);
}

/** GETs JSON; throws [`ApiError`]. */
export async function get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path + queryString(query), { signal: signal ?? null });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError('No answer', 'The server cannot be reached. Is `smoltrace serve` still running?', 0);
  }
  if (!response.ok) throw await problem(response);
  return (await response.json()) as T;
}
