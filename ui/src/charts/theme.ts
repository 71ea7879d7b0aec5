// The design tokens as values that a canvas can use; follows the system's light and dark.

import { useSyncExternalStore } from 'react';

import type { Theme } from './option';

function resolve(): Theme {
  const probe = document.createElement('span');
  probe.style.display = 'none';
  document.body.append(probe);
  const colour = (token: string) => {
    probe.style.color = `var(--${token})`;
    return getComputedStyle(probe).color;
  };
  const theme: Theme = {
    ink: colour('ink'),
    quiet: colour('ink-3'),
    line: colour('line'),
    surface: colour('surface'),
    raised: colour('raised'),
    accent: colour('accent'),
    pass: colour('pass'),
    fail: colour('fail'),
    font: getComputedStyle(document.body).fontFamily,
    tones: Array.from({ length: 8 }, (_, index) => colour(`cat-${index + 1}`)),
  };
  probe.remove();
  return theme;
}

const dark = matchMedia('(prefers-color-scheme: dark)');
let current: { dark: boolean; theme: Theme } | undefined;

function snapshot(): Theme {
  if (current?.dark !== dark.matches) current = { dark: dark.matches, theme: resolve() };
  return current.theme;
}

function subscribe(changed: () => void) {
  dark.addEventListener('change', changed);
  return () => {
    dark.removeEventListener('change', changed);
  };
}

export const useTheme = () => useSyncExternalStore(subscribe, snapshot);
