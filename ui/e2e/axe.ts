import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from '@playwright/test';

/** What breaks the rules with these tags, and where. Within the page alone: ours have no frames that a page of its own would join. */
export async function violations(page: Page, ...tags: string[]): Promise<[rule: string, where: string[]][]> {
  const { violations } = await new AxeBuilder({ page }).setLegacyMode().withTags(tags).analyze();
  return violations.map(({ id, nodes }) => [
    id,
    nodes.slice(0, 3).map(({ target, failureSummary }) => `${target.join(' ')}: ${failureSummary ?? ''}`),
  ]);
}
