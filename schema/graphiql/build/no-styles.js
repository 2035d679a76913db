// Stands in for react-style-singleton, which writes <style> elements to lock scrolling behind a dialog: the page does not
// scroll anyway, and without them its Content-Security-Policy needs no 'unsafe-inline'.
export const styleSingleton = () => () => null;
export const styleHookSingleton = () => () => {};
export const stylesheetSingleton = () => ({ add() {}, remove() {} });
