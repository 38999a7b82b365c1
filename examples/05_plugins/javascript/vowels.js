import { log } from 'example:plugins/host@1.0.0';

export const filter = {
  describe() {
    return { name: 'vowels', language: 'JavaScript' };
  },

  apply(text) {
    if (text === '') throw 'no letters';
    const short = text.replace(/[aeiou]/gi, '');
    log(`${text.length - short.length} vowels`);
    return short;
  },
};
