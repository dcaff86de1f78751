/** The brands' own icons, by the provider's slug. They are files of ours, so drawing them as markup is safe. */
const files = import.meta.glob<string>('../../../icons/providers/*.svg', { query: '?raw', import: 'default', eager: true });

const bySlug = new Map(
  Object.entries(files).map(([path, svg]) => [path.replace(/^.*\/|\.svg$/g, ''), svg]),
);

/** The icon's markup, or nothing where the brand has none: the tile shows letters then. */
export const brand = (slug: string): string | undefined => bySlug.get(slug);
