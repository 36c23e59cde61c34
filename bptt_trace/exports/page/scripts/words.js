// Sentences in the language of the page, and numbers with its decimal mark.
//
// language = { mark, sentences }: the mark, and the translations by the sentence in English, of which an English page has none

const say = (sentence, places = {}) =>
  (language.sentences[sentence] ?? sentence).replace(/\{(\w+)\}/g, (_, name) => places[name]);
const withMark = text => text.replace(".", language.mark);
