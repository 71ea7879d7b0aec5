export function Trace() {
  return <p>Trace</p>;
}
