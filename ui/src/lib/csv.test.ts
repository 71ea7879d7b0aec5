import { expect, it } from 'vitest';

import { csv } from './csv';

it.each([
  [[['a,b', 1, null]], '"a,b",1,\r\n'],
  [[['say "hi"', true, undefined]], '"say ""hi""",true,\r\n'],
  [[['two\nlines', -1.5, '']], '"two\nlines",-1.5,\r\n'],
  [[['=1+1', '@x', '-x']], "'=1+1,'@x,'-x\r\n"],
])('%j', (rows, text) => {
  expect(csv(['a', 'b', 'c'], rows)).toBe(`a,b,c\r\n${text}`);
});
