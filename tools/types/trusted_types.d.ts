// lit-html's declarations name this type of another package; the page's policy does not ask for it.
export type TrustedHTML = string;
