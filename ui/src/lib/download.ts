// Hands the reader a file that was made in the page.

export function saveFile(name: string, content: Blob | string, type = 'text/plain'): void {
  const blob = typeof content === 'string' ? new Blob([content], { type: `${type};charset=utf-8` }) : content;
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => {
    URL.revokeObjectURL(url);
  }, 10_000);
}

/** A file name from any text. */
export function fileName(text: string): string {
  return text.replace(/[^\w.-]+/g, '_').slice(0, 80) || 'file';
}
