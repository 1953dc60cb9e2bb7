/* The one door to libhdf5. */
#include <stdlib.h>
#include <string.h>

#include <hdf5.h>

#include "CStructArrays.h"

enum { MOST_ELEMENTS = 1 << 26 };

typedef struct {
  hid_t file;
} handle;

typedef struct {
  hid_t data;
  hobj_ref_t *references;
  int64_t count;
} references;

void *csa_open(const char *path) {
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
  if (file < 0) return NULL;
  handle *h = malloc(sizeof *h);
  if (h) h->file = file;
  else H5Fclose(file);
  return h;
}

void csa_close(void *file) {
  handle *h = file;
  H5Fclose(h->file);
  free(h);
}

int64_t csa_field_open(void *file, const char *name, void **field) {
  handle *h = file;
  *field = NULL;
  hid_t data = H5Dopen2(h->file, name, H5P_DEFAULT);
  if (data < 0) return -1;
  hid_t space = H5Dget_space(data), type = H5Dget_type(data);
  hssize_t count = space < 0 ? -1 : H5Sget_simple_extent_npoints(space);
  int good = count > 0 && count <= MOST_ELEMENTS && type >= 0 && H5Tequal(type, H5T_STD_REF_OBJ) > 0;
  if (space >= 0) H5Sclose(space);
  if (type >= 0) H5Tclose(type);
  references *r = good ? calloc(1, sizeof *r) : NULL;
  /* The storage has to be there before room for it is made. */
  if (r && H5Dget_storage_size(data) > 0) r->references = malloc((size_t)count * sizeof *r->references);
  if (!r || !r->references ||
      H5Dread(data, H5T_STD_REF_OBJ, H5S_ALL, H5S_ALL, H5P_DEFAULT, r->references) < 0) {
    if (r) free(r->references);
    free(r);
    H5Dclose(data);
    return -1;
  }
  r->data = data;
  r->count = count;
  *field = r;
  return count;
}

void csa_field_close(void *field) {
  references *r = field;
  H5Dclose(r->data);
  free(r->references);
  free(r);
}

static hid_t element(references *r, int64_t row) {
  if (row < 0 || row >= r->count) return -1;
  hid_t found = H5Rdereference2(r->data, H5P_DEFAULT, H5R_OBJECT, &r->references[row]);
  if (found >= 0 && H5Iget_type(found) != H5I_DATASET) {
    H5Oclose(found);
    return -1;
  }
  return found;
}

static int is_text(hid_t data) {
  char name[16] = "";
  if (H5Aexists(data, "MATLAB_class") <= 0) return 0;
  hid_t attribute = H5Aopen(data, "MATLAB_class", H5P_DEFAULT);
  hid_t type = attribute < 0 ? -1 : H5Aget_type(attribute);
  int good = type >= 0 && H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0 &&
             H5Tget_size(type) < sizeof name && H5Aread(attribute, type, name) >= 0;
  if (type >= 0) H5Tclose(type);
  if (attribute >= 0) H5Aclose(attribute);
  return good && strncmp(name, "char", 5) == 0;
}

int csa_element(void *field, int64_t row, int *kind, uint64_t extents[2]) {
  hid_t data = element(field, row);
  if (data < 0) return -1;
  int code = -1;
  hsize_t found[2] = {1, 1};
  hid_t space = H5Dget_space(data);
  int rank = space < 0 ? -1 : H5Sget_simple_extent_ndims(space);
  if (H5Aexists(data, "MATLAB_empty") > 0) {
    *kind = CSA_EMPTY;
    code = 0;
  } else if (rank >= 1 && rank <= 2 && H5Sget_simple_extent_dims(space, found, NULL) == rank) {
    *kind = is_text(data) ? CSA_TEXT : CSA_NUMBERS;
    code = 0;
  }
  extents[0] = found[0];
  extents[1] = found[1];
  if (space >= 0) H5Sclose(space);
  H5Dclose(data);
  return code;
}

static int values(void *field, int64_t row, hid_t as, void *target, uint64_t count) {
  hid_t data = element(field, row);
  if (data < 0) return -1;
  hid_t space = H5Dget_space(data), type = H5Dget_type(data);
  H5T_class_t kind = type < 0 ? H5T_NO_CLASS : H5Tget_class(type);
  int good = space >= 0 && (kind == H5T_INTEGER || kind == H5T_FLOAT) &&
             H5Sget_simple_extent_npoints(space) == (hssize_t)count &&
             H5Dread(data, as, H5S_ALL, H5S_ALL, H5P_DEFAULT, target) >= 0;
  if (space >= 0) H5Sclose(space);
  if (type >= 0) H5Tclose(type);
  H5Dclose(data);
  return good ? 0 : -1;
}

int csa_bytes(void *field, int64_t row, uint8_t *target, uint64_t count) {
  return values(field, row, H5T_NATIVE_UINT8, target, count);
}

int csa_units(void *field, int64_t row, uint16_t *target, uint64_t count) {
  return values(field, row, H5T_NATIVE_UINT16, target, count);
}
