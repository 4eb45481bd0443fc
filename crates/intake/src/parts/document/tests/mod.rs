mod tiff;
