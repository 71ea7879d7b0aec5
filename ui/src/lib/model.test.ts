import { describe, expect, it } from 'vitest';

import { modelName, shortNames } from './model';

describe('modelName', () => {
  it.each([
    ['openai/gpt-4.1-nano', 'openai', 'gpt-4.1-nano'],
    ['meta-llama/Llama-3.1/8B', 'meta-llama', 'Llama-3.1/8B'],
    ['gpt-4.1-nano', '', 'gpt-4.1-nano'],
    ['/models/local.gguf', '', '/models/local.gguf'],
    ['maker/', '', 'maker/'],
    ['<b>bold</b>', '', '<b>bold</b>'],
    ['', '', ''],
  ])('reads %s', (model, maker, name) => {
    expect(modelName(model)).toEqual({ maker, name });
  });
});

describe('shortNames', () => {
  it('names the maker only where two models share a name', () => {
    expect(shortNames(['openai/gpt', 'gpt', 'example/wren', '<b>bold</b>'])).toEqual([
      'openai/gpt',
      'gpt',
      'wren',
      '<b>bold</b>',
    ]);
  });
});
