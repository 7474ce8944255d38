/* What tests of a program that is linked with the library share. */
#include "test.h"

#include <string.h>

void check_call(const char *file, int line, const char *call, colorize_status expected,
                const char *word, colorize_status status, const colorize_error *error) {
  if (status != expected)
    fail(file, line, "%s is %s (%s), not %s", call, colorize_status_name(status), error->message,
         colorize_status_name(expected));
  if (error->status != status)
    fail(file, line, "%s: the error's status is %d, not %d", call, error->status, status);
  if (memchr(error->message, 0, sizeof error->message) == NULL)
    fail(file, line, "%s: the message has no end", call);
  if (status == COLORIZE_OK ? error->message[0] != 0 : strstr(error->message, word) == NULL)
    fail(file, line, "%s: the message is \"%s\", without \"%s\"", call, error->message, word);
}

colorize_model *default_model(void) {
  colorize_model *model = NULL;
  CHECK_OK(colorize_model_open_default(&model, &error));
  CHECK(model != NULL);
  return model;
}
