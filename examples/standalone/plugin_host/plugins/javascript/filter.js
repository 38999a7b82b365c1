import { log } from 'example:editor/host@1.0.0';

class Filter {
  #word;
  #hidden = 0;

  constructor(word) {
    log(`hiding '${word}'`);
    this.#word = word;
  }

  apply(text) {
    // The thrown value becomes the error of the result.
    if (text === '') throw 'the text is empty';
    if (this.#word === '') return text;
    const parts = text.split(this.#word);
    this.#hidden += parts.length - 1;
    return parts.join('*'.repeat(this.#word.length));
  }

  hidden() {
    return this.#hidden;
  }
}

export const filters = {
  Filter,
  language: () => 'JavaScript',
};
