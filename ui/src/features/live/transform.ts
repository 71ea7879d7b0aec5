// How long ago something was. Pure.

/** Unix ns in a string as ms since 1970. */
export function nanosToMs(nanos: string | null): number | null {
  return nanos !== null && /^-?\d+$/.test(nanos) ? Number(BigInt(nanos) / 1_000_000n) : null;
}

/** In words; a moment ahead of this clock is now. */
export function ago(ms: number | null, now: number): string {
  if (ms === null) return 'unknown';
  const seconds = Math.max(0, Math.round((now - ms) / 1000));
  if (seconds < 2) return 'just now';
  if (seconds < 60) return `${seconds} s ago`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min ago`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h ago` : `${Math.round(hours / 24)} days ago`;
}
