// A model's name as hubs write it, `maker/name`.

/** Maker and own name; whatever is no maker's name is part of the model's own. */
export function modelName(model: string): { maker: string; name: string } {
  const [, maker = '', name = model] = /^([\w.-]+)\/(.+)$/s.exec(model) ?? [];
  return { maker, name };
}

/** The models' own names; with their makers where two share one. */
export function shortNames(models: readonly string[]): string[] {
  const names = models.map((model) => modelName(model).name);
  return names.map((name, at) =>
    names.indexOf(name) === names.lastIndexOf(name) ? name : (models[at] ?? name),
  );
}
