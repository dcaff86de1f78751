/** Which rows of a long list are in sight, so that only those exist: a hundred thousand cost as much as thirty. */
import { tick } from 'svelte';

/** Rows drawn beyond either edge, so that fast scrolling and the Tab key find them there. */
const BEYOND = 12;

export class InSight {
  from = $state(0);
  to = $state(40);
  #list: HTMLElement | null = null;
  #around: HTMLElement | null = null;
  #rem: number;

  /** `rem`: the height of every row. */
  constructor(rem: number) {
    this.#rem = rem;
  }

  /** Watches `list` where it scrolls, until the returned function is called. */
  watch(list: HTMLElement): () => void {
    const around = scroller(list);
    this.#list = list;
    this.#around = around;
    const seen = (): void => this.look();
    const resized = new ResizeObserver(seen);
    resized.observe(around);
    around.addEventListener('scroll', seen, { passive: true });
    return () => {
      resized.disconnect();
      around.removeEventListener('scroll', seen);
      this.#list = this.#around = null;
    };
  }

  /** Other rows came, here or in what lies above. */
  changed(): void {
    void tick().then(() => this.look());
  }

  look(): void {
    if (!this.#list?.isConnected || !this.#around) return;
    const row = this.#row();
    const above = this.#around.getBoundingClientRect().top - this.#list.getBoundingClientRect().top;
    this.from = Math.max(0, Math.floor(above / row) - BEYOND);
    this.to = Math.max(this.from, Math.ceil((above + this.#around.clientHeight) / row)) + BEYOND;
  }

  /** Scrolls no further than needed for row `at` to be in sight. */
  show(at: number): void {
    if (!this.#list || !this.#around) return;
    const row = this.#row();
    const edge = this.#around.getBoundingClientRect();
    const top = this.#list.getBoundingClientRect().top + at * row - edge.top;
    if (top < 0) this.#around.scrollTop += top;
    else if (top + row > this.#around.clientHeight) this.#around.scrollTop += top + row - this.#around.clientHeight;
    this.look();
  }

  #row(): number {
    return this.#rem * parseFloat(getComputedStyle(document.documentElement).fontSize);
  }
}

function scroller(list: HTMLElement): HTMLElement {
  for (let at = list.parentElement; at; at = at.parentElement) {
    if (/auto|scroll/.test(getComputedStyle(at).overflowY)) return at;
  }
  return document.documentElement;
}
