// What every client script is told (TAMGA_DOCUMENTS: the operations to send) and how it answers: one line of JSON.
export const documents = JSON.parse(process.env.TAMGA_DOCUMENTS ?? "{}");

export const give = (value) => console.log(JSON.stringify(value));

// The first messages of a subscription: as many as documents.messages says.
export const take = (begin) =>
  new Promise((resolve, reject) => {
    const found = [];
    let end = () => {};
    const next = (message) => {
      if (found.push(message) === documents.messages) {
        resolve([...found]);
        setImmediate(() => end());
      }
    };
    end = begin(next, reject) ?? end;
  });
