// The real binary over a data directory of its own.

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const FIXTURES = fileURLToPath(new URL('../../fixtures', import.meta.url));

/** The bundled recording: two GPUs, twelve tests. */
export const RECORDING = '5d0c1f0e-2f0a-4a52-9a0e-2b6d7f3f9e11';

function binary(): string {
  const path = process.env.SMOLTRACE_BIN;
  if (!path) throw new Error('SMOLTRACE_BIN must name the smoltrace binary to test.');
  return path;
}

export class Server {
  readonly dir = mkdtempSync(join(tmpdir(), 'smoltrace-ui-'));
  readonly data = join(this.dir, 'data');
  url = '';
  /** Where OTLP/HTTP is received. */
  otlp = '';
  private process: ChildProcess | undefined;

  /** Runs a command of the binary to its end; gives what it printed. */
  command(...args: string[]): string {
    const run = spawnSync(binary(), [...args, '--data-dir', this.data, '--quiet'], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    if (run.status !== 0) {
      throw new Error(`smoltrace ${args.join(' ')} ended with ${String(run.status)}:\n${run.stderr}`);
    }
    return run.stdout;
  }

  /** Serves on a free port; resolves when it says where. */
  async start(): Promise<void> {
    const free = '127.0.0.1:0';
    const addresses = ['--listen', free, '--otlp-grpc', free, '--otlp-http', free];
    const child = spawn(binary(), ['serve', ...addresses, '--data-dir', this.data], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.process = child;
    let said = '';
    child.stderr.on('data', (text: Buffer) => (said += text.toString()));
    await new Promise<void>((resolve, reject) => {
      child.once('exit', (code) => {
        reject(new Error(`smoltrace serve ended with ${String(code)}:\n${said}`));
      });
      createInterface(child.stdout).on('line', (line) => {
        const [name, url] = line.split(/\s+/);
        if (name === 'TraceMind') this.url = url ?? '';
        if (name === 'OTLP/HTTP') this.otlp = url ?? '';
        if (name === 'data') resolve();
      });
    });
  }

  async stop(): Promise<void> {
    const child = this.process;
    if (child?.exitCode === null) {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
    }
    rmSync(this.dir, { recursive: true, force: true });
  }
}
