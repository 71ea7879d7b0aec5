import { describe, expect, it } from 'vitest';

import { modelName } from './model';

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
