// Recorded text as its writer meant it: Markdown, or code with its words coloured. All of it becomes React elements;
// no HTML is interpreted, nothing is fetched. Loaded when it is first needed.

import { toJsxRuntime } from 'hast-util-to-jsx-runtime';
import bash from 'highlight.js/lib/languages/bash';
import javascript from 'highlight.js/lib/languages/javascript';
import json from 'highlight.js/lib/languages/json';
import python from 'highlight.js/lib/languages/python';
import rust from 'highlight.js/lib/languages/rust';
import sql from 'highlight.js/lib/languages/sql';
import typescript from 'highlight.js/lib/languages/typescript';
import { createLowlight } from 'lowlight';
import { useMemo } from 'react';
import { Fragment, jsx, jsxs } from 'react/jsx-runtime';
import Markdown, { type Components } from 'react-markdown';
import gfm from 'remark-gfm';

import css from './rich.module.css';

const lowlight = createLowlight({ bash, javascript, json, python, rust, sql, typescript });
lowlight.registerAlias({
  bash: ['sh', 'shell', 'console'],
  javascript: ['js', 'jsx'],
  python: ['py'],
  typescript: ['ts', 'tsx'],
});

/** Longer code is shown without colours: they would cost more than they tell. */
const LONGEST_COLOURED = 50_000;

export function Code({ text, language }: { text: string; language: string | undefined }) {
  const shown = useMemo(() => {
    if (!language || !lowlight.registered(language) || text.length > LONGEST_COLOURED) return text;
    return toJsxRuntime(lowlight.highlight(language, text), { Fragment, jsx, jsxs });
  }, [text, language]);
  return <code className={css.code}>{shown}</code>;
}

const COMPONENTS: Components = {
  // A picture would be fetched from wherever the text says.
  img: ({ alt, src }) => (
    <span className={css.image}>
      [picture{alt ? `: ${alt}` : ''}] {typeof src === 'string' ? src : ''}
    </span>
  ),
  a: ({ href, children }) => (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow">
      {children}
    </a>
  ),
  pre: ({ children }) => (
    <pre className={css.pre} tabIndex={0}>
      {children}
    </pre>
  ),
  code: ({ className, children }) => (
    <Code
      text={typeof children === 'string' ? children : ''}
      language={/language-([\w+-]+)/.exec(className ?? '')?.[1]}
    />
  ),
  table: ({ children }) => (
    <div className={css.table}>
      <table>{children}</table>
    </div>
  ),
};

export function RichText({ text }: { text: string }) {
  return (
    <div className={css.markdown} dir="auto">
      <Markdown remarkPlugins={[gfm]} components={COMPONENTS}>
        {text}
      </Markdown>
    </div>
  );
}

/** A block of code of its own. */
export function CodeBlock({ text, language }: { text: string; language: string | undefined }) {
  return (
    <pre className={css.pre} tabIndex={0}>
      <Code text={text} language={language} />
    </pre>
  );
}
